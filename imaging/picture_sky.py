"""The sky of a finished picture: glare and other uneven light, subtracted for the search."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .sky_mesh import measure_mesh
from .sky_steps import SkySection

__all__ = ["darkest_level", "even_sky"]

_REDUCTION = 2  # the sky varies slowly, and half of the pixels across show it as well
_LEAST_SIDE = 64  # pixels, of the reduced picture: a smaller one has too few cells
_QUANTILES = (0.02, 0.98)  # of the levels, which their range is measured between
_UNEVEN, _BRIGHT = 15.0, 40.0  # grey levels: range of a sky, and darkest level, taken away
_DARKEST = 0.1  # quantile of the levels that is the darkest
_DARK = 12.0  # grey levels: the sky of ordinary pictures is no brighter
# Glare is brightest at an edge of the picture, beyond which its star is, or crosses it.  The light
# of a galaxy that fills the picture is brightest inside, and falls to less than this fraction.
_AT_EDGE = 0.8


def even_sky(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a finished picture with an even, dark sky.

    The sky of each colour is measured on a mesh as in a linear field, galaxies left out (see
    `~galpipe.imaging.sky_mesh.measure_mesh`), and brought to its own darkest level.  What is
    smooth on the scale of the mesh goes: glare, reflections, a coloured or bright sky.  Trails,
    spikes of stars and edges of sensors stay.  The brightness of the galaxies in glare is that of
    the picture less the glare, which is not their true brightness, as the picture is stretched.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        A finished picture.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        `rgb` itself if its sky is even and dark, or if its light is that of a galaxy that fills it.
    """
    height, width = rgb.shape[:2]
    size = width // _REDUCTION, height // _REDUCTION
    if min(size) < _LEAST_SIDE:
        return rgb
    reduced = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    # Each colour is a plane in memory, whose quantiles take a fraction of the time.
    levels = np.moveaxis(np.empty((3, *reduced.shape[:2]), np.float32), 0, -1)
    for colour in range(3):
        levels[..., colour] = _level(reduced[..., colour])
    dark = darkest_level(levels)
    if dark is None:
        return rgb
    even = np.empty_like(rgb)
    # One colour at a time, in place: three planes of float32 would take more than the search.
    for colour in range(3):
        excess = levels[..., colour] - dark[colour]
        plane = np.asarray(cv2.resize(excess, (width, height), interpolation=cv2.INTER_LINEAR))
        np.subtract(rgb[..., colour], plane, out=plane)
        np.clip(np.rint(plane, out=plane), 0, 255, out=plane)
        even[..., colour] = plane
    return even


def darkest_level(levels: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return the level to which the sky of a picture is brought.

    Parameters
    ----------
    levels : ndarray of float32, shape (H, W, 3)
        Level of the sky of each colour.

    Returns
    -------
    ndarray of float32, shape (3,), or None
        None if the sky is even and dark.
    """
    least, most = levels.min(axis=(0, 1)), levels.max(axis=(0, 1))
    if most.max() < _BRIGHT and (most - least).max() <= _UNEVEN:
        return None  # as the quantiles, which take longer, would say
    darkest = np.quantile(levels, _DARKEST, axis=(0, 1))
    if darkest.max() < _BRIGHT and not _has_glare(levels):
        return None
    return np.asarray(np.minimum(darkest, _DARK), np.float32)


def _has_glare(levels: NDArray[np.float32]) -> bool:
    """Return whether the sky is uneven in a colour, and brightest at an edge of the picture."""
    low, high = np.quantile(levels, _QUANTILES, axis=(0, 1))
    colour = int((high - low).argmax())
    level = levels[..., colour] - levels[..., colour].min()
    edge = max(level[0].max(), level[-1].max(), level[:, 0].max(), level[:, -1].max())
    return bool(high[colour] - low[colour] > _UNEVEN and edge > _AT_EDGE * level.max())


def _level(colour: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the level of the sky at each pixel of one colour."""
    whole = SkySection(0, colour.shape[0], 0, colour.shape[1])
    return measure_mesh(
        colour.astype(np.float32), np.zeros(colour.shape, dtype=bool), whole
    ).level()
