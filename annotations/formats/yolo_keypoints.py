"""Tell the key points of YOLO pose labels from polygons where the data set does not declare them.

A line of pose labels is a class, a box and the key points: x and y, or x, y and a visibility of 0,
1 or 2.  A line of polygons is a class and the corners.  Both are rows of fractions, so that only
the numbers tell which they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["keypoint_count"]

# Far beyond any fraction of an image, and small enough to be multiplied.
_LARGEST = 1e6
# Fraction of the image by which a key point may lie outside of its box.
_TOLERANCE = 0.005
_VISIBILITIES = (0, 1, 2)


def keypoint_count(lines: Iterable[list[float]]) -> int:
    """Return how many numbers of key points follow the box in each line; 0 for polygons.

    Lines are pose labels if all have the same length and, read as such, key points in their boxes,
    whereas at least one, read as a polygon, is not a simple polygon with an area.  Key points with
    a visibility are recognised by it alone.

    Parameters
    ----------
    lines : iterable of list of float
        The numbers after the class of each line; lines of a box alone are passed over.

    Examples
    --------
    >>> keypoint_count([[0.5, 0.5, 0.2, 0.2, 0.45, 0.45, 0.55, 0.55]])
    4
    >>> keypoint_count([[0.4, 0.4, 0.6, 0.4, 0.6, 0.6, 0.4, 0.6]])
    0
    """
    rows = [line for line in lines if len(line) > 5]
    if not rows or len({len(row) for row in rows}) > 1:
        return 0
    numbers = np.array(rows, dtype=np.float64)
    if not (np.abs(numbers) < _LARGEST).all():
        return 0
    rest = numbers[:, 4:]
    count = rest.shape[1]
    if count % 3 == 0 and np.isin(rest[:, 2::3], _VISIBILITIES).all():
        points = rest.reshape(len(rest), -1, 3)
        seen = points[:, :, 2] > 0
        return count if _in_boxes(numbers[:, :4], points[:, :, :2], seen) else 0
    if count % 2:
        return 0
    points = rest.reshape(len(rest), -1, 2)
    # Points that were not labelled are 0, 0.
    if not _in_boxes(numbers[:, :4], points, np.asarray(points.any(axis=2))):
        return 0
    return 0 if all(_is_simple(row.reshape(-1, 2)) for row in numbers) else count


def _in_boxes(
    boxes: NDArray[np.float64], points: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> bool:
    """Return whether the chosen points of each row are in its box, given by centre and size."""
    centre, half = boxes[:, np.newaxis, :2], boxes[:, np.newaxis, 2:] / 2
    inside = np.asarray((np.abs(points - centre) <= half + _TOLERANCE).all(axis=2))
    return bool((boxes[:, 2:] > 0).all() and inside[chosen].all())


def _is_simple(corners: NDArray[np.float64]) -> bool:
    """Return whether a polygon has an area and no two edges that cross."""
    following = np.roll(corners, -1, axis=0)
    x, y = corners.T
    next_x, next_y = following.T
    if abs((x * next_y - next_x * y).sum()) < 1e-9:
        return False
    starts, ends = corners[:, np.newaxis], following[:, np.newaxis]
    side = _turn(starts, ends, corners[np.newaxis]) * _turn(starts, ends, following[np.newaxis])
    crossing = (side < 0) & (side.T < 0)
    return not crossing.any()


def _turn(
    start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sign of the turn from an edge to a point, for all pairs of edges and points."""
    edge, arm = end - start, point - start
    turns: NDArray[np.float64] = np.sign(edge[..., 0] * arm[..., 1] - edge[..., 1] * arm[..., 0])
    return turns
