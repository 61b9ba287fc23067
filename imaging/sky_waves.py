"""Sky with waves: strong fringes, scattered light, the residuals of flat fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, median_filter

from .background import MAD_TO_SIGMA

__all__ = ["has_waves", "trend_of_waves"]

_TAIL = 0.05  # quantile of the levels that is an end of their range
_LEAST_RANGE = 1.0  # of the noise
_SYMMETRIC = 0.5, 1.5  # ratio of the range above the median to that below
_LEAST_WAVES = 3  # bright regions, and dark ones
_WINDOW = 7  # cells
_CLIP = 3.0


def has_waves(levels: NDArray[np.float64], known: NDArray[np.bool_], noise: float) -> bool:
    """Return whether levels swing about as far up as down, in several places.

    Galaxies do not: however large, they are brighter than most of the field, in one or two places.

    Parameters
    ----------
    levels : ndarray, shape (n, m)
        Level of each cell.
    known : ndarray of bool, shape (n, m)
        Cells with data.
    noise : float
        Noise of a pixel.
    """
    low, middle, high = np.quantile(levels[known], (_TAIL, 0.5, 1 - _TAIL))
    ratio = (high - middle) / max(middle - low, np.finfo(np.float64).tiny)
    if high - low < _LEAST_RANGE * noise or not _SYMMETRIC[0] < ratio < _SYMMETRIC[1]:
        return False
    around = np.ones((3, 3), dtype=bool)
    _, bright = label(known & (levels > (middle + high) / 2), around)
    _, dark = label(known & (levels < (middle + low) / 2), around)
    return min(bright, dark) >= _LEAST_WAVES


def trend_of_waves(
    levels: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a local median of the levels, one cell beyond each edge, and the cells of sky.

    Cells that exceed it far more than the waves do are sources, and left out.

    Parameters
    ----------
    levels : ndarray, shape (n, m)
        Level of each cell.
    known : ndarray of bool, shape (n, m)
        Cells with data.
    """
    filled = np.where(known, levels, np.median(levels[known]))
    trend = median_filter(filled, size=_WINDOW, mode="nearest")
    excess = levels - trend
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(excess[known])))
    source = binary_dilation(known & (excess > _CLIP * scatter), np.ones((3, 3), dtype=bool))
    sky = known & ~source
    return np.pad(trend, 1, mode="edge"), sky if sky.any() else known
