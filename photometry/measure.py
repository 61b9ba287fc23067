"""Measure fluxes and shapes of the objects in boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..imaging import Field
from ..imaging.local_background import Background

__all__ = ["measure_photometry"]


def measure_photometry(
    field: Field, background: Background | None, boxes: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Measure fluxes and shapes of the objects of a field.

    Parameters
    ----------
    field : Field
        The field.
    background : Background or None
        Its sky; None for a finished picture.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        Columns of the catalogue.
    """
    return {}
