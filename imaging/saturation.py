"""Saturated pixels of a field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .field import Field

__all__ = ["are_piled_up", "pile_up_levels", "saturated_at", "saturated_pixels"]

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
    levels = [
        _pile_up(field.pixels[..., number], field.bad)
        if band.saturation is None
        else band.saturation
        for number, band in enumerate(field.bands)
    ]
    return saturated_at(field, levels)


def saturated_at(field: Field, levels: Sequence[float | None]) -> NDArray[np.bool_]:
    """Return the pixels of a field from given levels on.

    Parameters
    ----------
    field : Field
        A linear field.
    levels : sequence of float or None
        Of each band; None if it has no saturated pixels.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    mask = np.zeros(field.bad.shape, dtype=bool)
    for number, level in enumerate(levels):
        if level is not None:
            mask |= field.pixels[..., number] >= level
    return mask & ~field.bad


def _pile_up(plane: NDArray[np.floating], bad: NDArray[np.bool_]) -> float | None:
    """Return the value at which pixels pile up; None if they do not."""
    step = max(1, plane.size // 100_000)
    sample = plane[~bad][::step]
    if not sample.size:
        return None
    levels = pile_up_levels(sample, float(plane.max(where=~bad, initial=-np.inf)))
    if levels is None:
        return None
    top, below = (int(np.count_nonzero((plane >= level) & ~bad)) for level in levels)
    return levels[0] if are_piled_up(top, below) else None


def pile_up_levels(sample: NDArray[np.floating], brightest: float) -> tuple[float, float] | None:
    """Return the brightnesses from which pixels are counted, to tell whether they pile up.

    Parameters
    ----------
    sample : ndarray, shape (N,)
        Some valid pixels of a band.
    brightest : float
        Its brightest pixel.

    Returns
    -------
    tuple of float, or None
        Of nearly the brightest pixels, and of slightly fainter ones; None if no pixel is bright.
    """
    low, sky, high = (float(value) for value in np.quantile(sample, [0.16, 0.5, 0.84]))
    above = brightest - sky
    if not above > _FAR * (high - low) / 2:
        return None
    # As precise as the pixels that are compared with them.
    return float(np.float32(sky + _TOP * above)), float(np.float32(sky + _BELOW * above))


def are_piled_up(top: int, below: int) -> bool:
    """Return whether pixels pile up at the brightest value.

    Parameters
    ----------
    top, below : int
        Number of valid pixels from either of the `pile_up_levels`.
    """
    return top >= _FEWEST and top > below - top
