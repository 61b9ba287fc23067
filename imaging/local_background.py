"""Sky level and noise of a field, band by band and place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .background import background, padding
from .field import Field

__all__ = ["Background", "estimate_background"]


@dataclass(frozen=True, eq=False)
class Background:
    """Sky level and noise of each band of a field.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the field.
    levels, noises : sequence of float
        Sky level and noise of each band.
    """

    shape: tuple[int, int]
    levels: Sequence[float]
    noises: Sequence[float]

    def level(self, band: int) -> NDArray[np.float32]:
        """Return the sky level at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.

        Returns
        -------
        ndarray of float32, shape (H, W)
            In the unit of the band.
        """
        return np.full(self.shape, self.levels[band], dtype=np.float32)

    def noise(self, band: int) -> NDArray[np.float32]:
        """Return the standard deviation of the sky noise at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.

        Returns
        -------
        ndarray of float32, shape (H, W)
            In the unit of the band; positive.
        """
        return np.full(self.shape, self.noises[band], dtype=np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Return what was subtracted, for the record: of each band level, noise and range."""
        return {"level": list(self.levels), "noise": list(self.noises)}


def estimate_background(field: Field) -> Background:
    """Estimate the sky level and noise of a field.

    Parameters
    ----------
    field : Field
        A linear field.

    Returns
    -------
    Background
    """
    pixels = field.pixels.astype(np.float32)
    empty = padding(pixels) | field.bad
    found = [background(pixels[..., band], empty) for band in range(pixels.shape[2])]
    levels, noises = zip(*found, strict=True)
    return Background(empty.shape, levels, noises)
