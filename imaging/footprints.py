"""Places of fields on the sky: from the corners of a field, compare its boxes with another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SkyBoxes", "are_outlines", "shared_fraction", "unit_vectors"]

# What numpy computes from float64 is float64, but its types do not say so.
Floats = NDArray[Any]

# Twice the area of a triangle on the unit sphere that is nothing but rounding.
_FLAT = 1e-20


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Return unit vectors of sky positions.

    Parameters
    ----------
    ra, dec : array_like, shape (...)
        Degrees.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        NaN where a position is not finite.
    """
    a, d = np.deg2rad(ra), np.deg2rad(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def are_outlines(corners: ArrayLike) -> NDArray[np.bool_]:
    """Return which quadrilaterals are convex, as are the outlines of all but maps of a sky.

    Parameters
    ----------
    corners : array_like, shape (N, 4, 3)
        Unit vectors of the corners, in order; NaN where unknown.
    """
    with np.errstate(all="ignore"):
        # The signs of the corners' weights in that of the fourth.
        return np.asarray((_fourth(np.asarray(corners)) * [1, -1, 1] > 0).all(axis=1))


@dataclass(frozen=True, eq=False)
class SkyBoxes:
    """Boxes with their places on the sky, and the fields in which they are.

    Attributes
    ----------
    centres : ndarray of float64, shape (N, 3)
        Unit vectors of the centres of the boxes.
    boxes : ndarray of float64, shape (N, 4)
        Boxes in pixels of their fields.
    corners : ndarray of float64, shape (N, 4, 3)
        Unit vectors of the corners of the field of each box: (0, 0), (width, 0), (width, height),
        (0, height); `are_outlines`.
    sizes : ndarray of float64, shape (N, 2)
        Width and height of the field of each box, pixels.
    """

    centres: NDArray[np.float64]
    boxes: NDArray[np.float64]
    corners: NDArray[np.float64]
    sizes: NDArray[np.float64]


def shared_fraction(first: SkyBoxes, second: SkyBoxes) -> NDArray[np.float64]:
    """Return by how much boxes of two fields overlap, apart from what one field does not show.

    It is the intersection over the union of the parts of both boxes that lie in both fields, so
    that the box of a galaxy that is cut by the edge of one field overlaps that of the whole galaxy.
    Boxes are compared in the pixels of one field and of the other, and the larger value counts: the
    box of a long galaxy depends on its direction in the array.

    The corners of a field give the map from its pixels to the sky, exactly for the gnomonic
    projection of most surveys (a homography; R. Hartley and A. Zisserman, "Multiple View Geometry
    in Computer Vision", section 4.1).  Only differences to the centre of a box are taken from it,
    so the distortions of other projections matter little.

    Parameters
    ----------
    first, second : SkyBoxes
        Pairs of boxes, N each.

    Returns
    -------
    ndarray of float64, shape (N,)
        From 0 to 1.

    Examples
    --------
    The left edge of the second field cuts the galaxy in half:

    >>> corners = unit_vectors([[0.01, 0, 0, 0.01]], [[0, 0, 0.01, 0.01]])
    >>> size = np.array([[100.0, 100]])
    >>> box = np.array([[40.0, 40, 60, 60]])
    >>> whole = SkyBoxes(unit_vectors([0.005], [0.005]), box, corners, size)
    >>> corners = unit_vectors([[0.005, -0.005, -0.005, 0.005]], [[0, 0, 0.01, 0.01]])
    >>> box = np.array([[0.0, 40, 10, 60]])
    >>> half = SkyBoxes(unit_vectors([0.0045], [0.005]), box, corners, size)
    >>> shared_fraction(whole, half).round(3)
    array([1.])
    """
    with np.errstate(all="ignore"):
        seen_first = _boxes_seen(first, second)
        seen_second = _boxes_seen(second, first)
        visible_first = _areas(_clipped(seen_first, second.sizes)) / _areas(seen_first)
        visible_second = _areas(_clipped(seen_second, first.sizes)) / _areas(seen_second)
        fractions = [
            _fraction(own, other, part * _areas(own), rest * _areas(other))
            for own, other, part, rest in (
                (first.boxes, seen_second, visible_first, visible_second),
                (second.boxes, seen_first, visible_second, visible_first),
            )
        ]
    return np.asarray(np.nan_to_num(np.fmax(*fractions)))


def _boxes_seen(boxes: SkyBoxes, field: SkyBoxes) -> Floats:
    """Return the boxes in the pixels of the fields of the others."""
    to_sky, to_pixels = _maps(boxes), np.linalg.inv(_maps(field))
    # From the middle of the other box, whose place on the sky is known exactly.
    place = _pixels(to_pixels, boxes.centres) - _pixels(to_pixels, field.centres)
    place += (field.boxes[:, :2] + field.boxes[:, 2:]) / 2
    middle = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
    half = (boxes.boxes[:, 2:] - boxes.boxes[:, :2]) / 2
    start = _pixels(to_pixels, _directions(to_sky, middle))
    steps = [
        _pixels(to_pixels, _directions(to_sky, middle + half * along)) - start
        for along in np.eye(2)
    ]
    # The box of the ellipse in the box: a turned box would grow by its corners.
    reach = np.hypot(*steps)
    return np.concatenate([place - reach, place + reach], axis=1)


def _maps(boxes: SkyBoxes) -> Floats:
    """Return matrices (N, 3, 3) from homogeneous pixels to directions on the sky."""
    sky = np.swapaxes(boxes.corners[:, :3], 1, 2)
    width, height = boxes.sizes.T
    none, one = np.zeros_like(width), np.ones_like(width)
    # The corners of a rectangle: the fourth is the first minus the second plus the third.
    pixels = np.stack(
        [
            np.stack([none, -width, width], axis=-1),
            np.stack([none, none, height], axis=-1),
            np.stack([one, -one, one], axis=-1),
        ],
        axis=1,
    )
    return np.asarray(sky * _fourth(boxes.corners)[:, np.newaxis] @ np.linalg.inv(pixels))


def _fourth(corners: Floats) -> Floats:
    """Return the weights (N, 3) of three corners in the fourth; NaN if they are in one plane."""
    first = np.swapaxes(corners[:, :3], 1, 2)
    flat = ~(np.abs(np.linalg.det(first)) > _FLAT)
    first = np.where(flat[:, np.newaxis, np.newaxis], np.nan, first)
    return np.asarray(np.linalg.solve(first, corners[:, 3, :, np.newaxis])[..., 0])


def _directions(maps: Floats, points: Floats) -> Floats:
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return np.asarray(np.einsum("nij,nj->ni", maps, homogeneous))


def _pixels(maps: Floats, directions: Floats) -> Floats:
    homogeneous = np.einsum("nij,nj->ni", maps, directions)
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _clipped(boxes: Floats, sizes: Floats) -> Floats:
    return np.clip(boxes, 0, np.concatenate([sizes, sizes], axis=1))


def _areas(boxes: Floats) -> Floats:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))


def _fraction(first: Floats, second: Floats, part: Floats, rest: Floats) -> Floats:
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    # Rounded boxes may overlap by a little more than their visible parts.
    return np.asarray(np.minimum(shared / (part + rest - shared), 1))
