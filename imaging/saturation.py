"""Saturated pixels of a field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .field import Field

__all__ = ["saturated_pixels"]

_TOP, _BELOW = 0.95, 0.8  # of the brightest pixel above the sky
_FEWEST = 5  # pixels
_FAR = 15.0  # the brightest pixel above the sky, relative to the spread of the sky


def saturated_pixels(field: Field) -> NDArray[np.bool_]:
    """Find the saturated pixels of a field.

    Where the file does not give a level of saturation, it is recognised by a pile-up: in the core
    of a star, few pixels are nearly as bright as the brightest, and many more are slightly
    fainter; of saturated stars, most are as bright as the brightest.

    Parameters
    ----------
    field : Field
        A linear field.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True where a band is saturated.
    """
    mask = np.zeros(field.bad.shape, dtype=bool)
    for number, band in enumerate(field.bands):
        plane = field.pixels[..., number]
        level = band.saturation if band.saturation is not None else _pile_up(plane, field.bad)
        if level is not None:
            mask |= plane >= level
    return mask & ~field.bad


def _pile_up(plane: NDArray[np.floating], bad: NDArray[np.bool_]) -> float | None:
    """Return the value at which pixels pile up; None if they do not."""
    step = max(1, plane.size // 100_000)
    sample = plane[~bad][::step]
    if not sample.size:
        return None
    low, sky, high = (float(value) for value in np.quantile(sample, [0.16, 0.5, 0.84]))
    brightest = float(plane.max(where=~bad, initial=-np.inf)) - sky
    if not brightest > _FAR * (high - low) / 2:
        return None
    top = plane >= np.float32(sky + _TOP * brightest)
    below = plane >= np.float32(sky + _BELOW * brightest)
    count = int(np.count_nonzero(top & ~bad))
    piled = count >= _FEWEST and count > int(np.count_nonzero(below & ~bad)) - count
    return sky + _TOP * brightest if piled else None
