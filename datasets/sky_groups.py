"""Find images of the same sky area, by their WCS or by known positions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..imaging import read_field, read_picture_size
from ..imaging.footprints import unit_vectors

__all__ = ["overlapping_fields", "same_position"]

_ARCSECOND = np.pi / (180 * 3600)
_TOUCHING = 0.1 * _ARCSECOND
"""Overlap of adjacent fields due to rounding, in radians."""

Vectors = NDArray[np.float64]


def same_position(ra: ArrayLike, dec: ArrayLike, radius: float) -> list[tuple[int, int]]:
    """Return the pairs of positions within a radius.

    Parameters
    ----------
    ra, dec : array_like, shape (N,)
        ICRS degrees; NaN where a position is unknown.
    radius : float
        Largest distance in arcseconds.

    Returns
    -------
    list of (int, int)
        Indices, the smaller first, sorted.

    Examples
    --------
    >>> same_position(ra=[180.0, 180.001, 10.0], dec=[0.0, 0.0, 0.0], radius=5)
    [(0, 1)]
    """
    places = np.asarray([ra, dec], dtype=np.float64)
    known = np.flatnonzero(np.isfinite(places).all(axis=0))
    return [
        (int(known[first]), int(known[second]))
        for first, second in _close(places[0, known], places[1, known], radius / 3600)
    ]


def overlapping_fields(paths: Sequence[str | Path]) -> list[tuple[int, int]]:
    """Return the pairs of images that overlap on the sky according to their WCS.

    The edges of an image are approximated by great circles between its corners, which is exact for
    the gnomonic projection of most surveys.

    Parameters
    ----------
    paths : sequence of path
        Images of any type; those without a WCS do not overlap.

    Returns
    -------
    list of (int, int)
        Indices in `paths`, the smaller first, sorted.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    outlines = [(i, outline) for i, p in enumerate(paths) if (outline := _outline(p)) is not None]
    if len(outlines) < 2:
        return []
    index = [i for i, _ in outlines]
    ra, dec = np.stack([outline[:, 0] for _, outline in outlines], axis=1)
    fields = [unit_vectors(*outline) for _, outline in outlines]
    # A corner without a sky position belongs to a map of the whole sky.
    reach = [np.nan_to_num(np.arccos((v[1:] @ v[0]).min()), nan=np.pi) for v in fields]
    limit = min(np.rad2deg(2 * max(reach)), 180.0)
    return [
        (index[first], index[second])
        for first, second in _close(ra, dec, limit)
        if _overlap(fields[first], fields[second])
    ]


def _close(
    ra: NDArray[np.float64], dec: NDArray[np.float64], degrees: float
) -> list[tuple[int, int]]:
    """Return sorted pairs of positions at most `degrees` apart."""
    if len(ra) < 2:
        return []
    from astropy import units
    from astropy.coordinates import SkyCoord, search_around_sky

    places = SkyCoord(ra * units.deg, dec * units.deg)
    first, second, _, _ = search_around_sky(places, places, degrees * units.deg)
    once = first < second
    return sorted(zip(first[once].tolist(), second[once].tolist(), strict=True))


def _outline(path: str | Path) -> NDArray[np.float64] | None:
    """Return ra and dec, (2, 5), of the centre and of the four corners; None without a WCS."""
    if read_picture_size(Path(path)):
        return None
    field = read_field(path)
    if field.wcs is None:
        return None
    x = np.array([0.5, 0, 1, 1, 0]) * field.width
    y = np.array([0.5, 0, 0, 1, 1]) * field.height
    return np.stack(field.sky(x, y))


def _overlap(first: Vectors, second: Vectors) -> bool:
    """Return whether two outlines (centre, four corners) share more than an edge."""
    between = first[0] + second[0]
    corners = np.stack([first[1:], second[1:]])
    if not (corners @ between > 0).all():
        return True  # More than half the sky, or no sky position: assume that they overlap.
    between /= np.linalg.norm(between)
    east = np.cross(np.eye(3)[np.argmin(np.abs(between))], between)
    east /= np.linalg.norm(east)
    axes = np.stack([east, np.cross(between, east)], axis=1)
    # In the gnomonic projection great circles are straight lines.
    polygons = corners @ axes / (corners @ between)[..., None]
    # Two convex polygons are disjoint if an edge of one of them separates them.
    for polygon in polygons:
        edges = np.roll(polygon, -1, axis=0) - polygon
        normals = np.stack([edges[:, 1], -edges[:, 0]]) / np.linalg.norm(edges, axis=1)
        a, b = (corners @ normals for corners in polygons)
        shared = np.minimum(a.max(0), b.max(0)) - np.maximum(a.min(0), b.min(0))
        if (shared <= _TOUCHING).any():
            return False
    return True
