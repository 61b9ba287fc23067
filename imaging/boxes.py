"""Box arithmetic, and the table of detections.

A box is a row ``xmin, ymin, xmax, ymax`` of pixel edges, 0-based and half-open, with x along the
columns and y along the rows of the array as read.  The box of the first pixel is ``0, 0, 1, 1``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Detections",
    "area",
    "as_boxes",
    "clip",
    "intersection",
    "iou",
    "longer_sides",
    "overlap",
    "suppress",
]


_MANY = 2000  # boxes; of more, only neighbours are compared


def as_boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return boxes as a float64 array of shape (N, 4).

    Parameters
    ----------
    boxes : array_like, shape (N, 4)
        May be empty.

    Raises
    ------
    ValueError
        If the shape is different.
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes must have the shape (N, 4), not {array.shape}")
    return array


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return the areas of boxes; an inverted box has none.

    Parameters
    ----------
    boxes : array_like, shape (N, 4)

    Returns
    -------
    ndarray of float64, shape (N,)
        Square pixels.
    """
    array = as_boxes(boxes)
    sides = np.maximum(array[:, 2:] - array[:, :2], 0.0)
    return sides[:, 0] * sides[:, 1]


def longer_sides(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return the longer side of each box; 0 for an inverted box.

    Parameters
    ----------
    boxes : array_like, shape (N, 4)

    Returns
    -------
    ndarray of float64, shape (N,)
        Pixels.
    """
    array = as_boxes(boxes)
    return np.asarray((array[:, 2:] - array[:, :2]).max(axis=1, initial=0.0))


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a, b : array_like, shapes (N, 4) and (M, 4)

    Returns
    -------
    ndarray of float64, shape (N, M)
        Between 0 and 1; 0 for two boxes without area.

    Examples
    --------
    >>> iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[0.333, 0.   ]])
    """
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    fraction: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return fraction


def intersection(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the area of the intersection of every box of `a` with every box of `b`.

    Parameters
    ----------
    a, b : array_like, shapes (N, 4) and (M, 4)

    Returns
    -------
    ndarray of float64, shape (N, M)
        Square pixels.
    """
    first, second = as_boxes(a), as_boxes(b)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides: NDArray[np.float64] = np.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


def clip(boxes: ArrayLike, width: float, height: float) -> NDArray[np.float64]:
    """Clip boxes to the edges of an image.

    Parameters
    ----------
    boxes : array_like, shape (N, 4)
    width, height : float
        Size of the image, pixels.
    """
    limits = np.array([width, height, width, height], dtype=np.float64)
    return np.clip(as_boxes(boxes), 0.0, limits)


def suppress(
    boxes: ArrayLike,
    scores: ArrayLike,
    iou_threshold: float,
    class_ids: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Return the indices of the boxes kept by greedy non-maximum suppression.

    Parameters
    ----------
    boxes : array_like, shape (N, 4)
    scores : array_like, shape (N,)
        Ties are resolved in favour of the first.
    iou_threshold : float
        Boxes with a larger IoU with a kept box are dropped.
    class_ids : array_like, shape (N,), optional
        If given, boxes of different classes do not suppress each other.

    Returns
    -------
    ndarray of int64
        Best score first.
    """
    array = as_boxes(boxes)
    ranked = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    if ranked.shape != (len(array),):
        raise ValueError(f"{len(array)} boxes need as many scores, not {ranked.shape}")
    classes = None if class_ids is None else np.asarray(class_ids)
    if len(array) > _MANY and 0 < iou_threshold < 1:
        return _suppress_neighbours(array, ranked, iou_threshold, classes)
    kept = []
    while ranked.size:
        best, rest = ranked[0], ranked[1:]
        kept.append(best)
        beaten = iou(array[[best]], array[rest])[0] > iou_threshold
        if classes is not None:
            beaten &= classes[rest] == classes[best]
        ranked = rest[~beaten]
    return np.array(kept, dtype=np.int64)


def _suppress_neighbours(
    array: NDArray[np.float64],
    ranked: NDArray[np.int64],
    iou_threshold: float,
    classes: NDArray[Any] | None,
) -> NDArray[np.int64]:
    """Do as `suppress`, comparing only boxes that are near each other."""
    first, second = _near_pairs(array, iou_threshold)
    alike = _iou_of_pairs(array[first], array[second]) > iou_threshold
    if classes is not None:
        alike &= classes[first] == classes[second]
    rank = np.empty(len(array), np.int64)
    rank[ranked] = np.arange(len(array))
    ranks = np.sort(np.stack([rank[first[alike]], rank[second[alike]]]), axis=0)
    better, worse = ranks[:, np.argsort(ranks[0], kind="stable")]
    starts = np.searchsorted(better, np.arange(len(array) + 1))
    left = np.ones(len(array), dtype=bool)
    for place in range(len(array)):
        if left[place]:
            left[worse[starts[place] : starts[place + 1]]] = False
    return ranked[left]


def _near_pairs(
    array: NDArray[np.float64], iou_threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of boxes that may have a larger IoU than a threshold."""
    from scipy.spatial import KDTree

    middles, sides = (array[:, :2] + array[:, 2:]) / 2, longer_sides(array)
    # The IoU is at most the ratio of two sides, so the longer side differs by few powers of two.
    power = np.floor(np.log2(np.maximum(sides, 1e-6))).astype(int)
    reach = math.ceil(-math.log2(iou_threshold)) + 1
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    rows = {number: np.flatnonzero(power == number) for number in np.unique(power).tolist()}
    for number, own in rows.items():
        tree = KDTree(middles[own])
        for other in range(number, number + reach + 1):
            if other not in rows:
                continue
            # Boxes overlap up to half the sum of their sides.
            distance = (2.0 ** (number + 1) + 2.0 ** (other + 1)) / 2
            near = tree.sparse_distance_matrix(
                KDTree(middles[rows[other]]), distance, p=np.inf, output_type="coo_matrix"
            )
            firsts.append(own[near.row])
            seconds.append(rows[other][near.col])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    # Pairs within one power are found twice, and each box with itself.
    once = (power[first] != power[second]) | (first < second)
    return first[once], second[once]


def _iou_of_pairs(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=1)
    union = area(a) + area(b) - shared
    fraction: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return fraction


def overlap(
    edges: tuple[int, int, int, int], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices of an image and of a window where they overlap.

    Parameters
    ----------
    edges : tuple of int
        Pixel edges ``xmin, ymin, xmax, ymax`` of the window, which may extend beyond the image.
    shape : tuple of int
        Height and width of the image.

    Returns
    -------
    image, window : tuple of slice
        Rows and columns; empty if the window is outside the image.
    """
    x0, y0, x1, y1 = edges
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = max(min(x1, shape[1]), left), max(min(y1, shape[0]), top)
    return (
        (slice(top, bottom), slice(left, right)),
        (slice(top - y0, bottom - y0), slice(left - x0, right - x0)),
    )


@dataclass(frozen=True, eq=False)
class Detections:
    """Table of detections: boxes with their scores, one row per object.

    Attributes
    ----------
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open.
    scores : ndarray of float64, shape (N,)
        Between 0 and 1.
    class_ids : ndarray of int64, shape (N,)
        Indices into the detector's class names; zeros by default.
    tiles : ndarray of int64, shape (N,)
        Index of the tile that each object was found on; -1, the default, if unknown.

    Raises
    ------
    ValueError
        If lengths differ, a box or score is not finite, or a box is inverted.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int64] = None  # type: ignore[assignment]  # set below
    tiles: NDArray[np.int64] = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        boxes = as_boxes(self.boxes)
        count = len(boxes)
        columns = {
            "boxes": boxes,
            "scores": np.asarray(self.scores, dtype=np.float64),
            "class_ids": _integers(self.class_ids, count, 0),
            "tiles": _integers(self.tiles, count, -1),
        }
        for name, column in columns.items():
            if name != "boxes" and column.shape != (count,):
                raise ValueError(f"{count} boxes need as many {name}, not the shape {column.shape}")
            if not np.isfinite(column).all():
                raise ValueError(f"{name} must be finite")
            object.__setattr__(self, name, column)
        if (boxes[:, 2:] < boxes[:, :2]).any():
            raise ValueError("a box must have xmin <= xmax and ymin <= ymax")

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls) -> Detections:
        """Return an empty table."""
        return cls(np.zeros((0, 4)), np.zeros(0))

    @classmethod
    def concatenate(cls, parts: Iterable[Detections]) -> Detections:
        """Return the rows of all tables in order.

        Parameters
        ----------
        parts : iterable of Detections
        """
        tables = [cls.empty(), *parts]
        return cls(
            np.concatenate([part.boxes for part in tables]),
            np.concatenate([part.scores for part in tables]),
            np.concatenate([part.class_ids for part in tables]),
            np.concatenate([part.tiles for part in tables]),
        )

    def select(self, rows: ArrayLike) -> Detections:
        """Return some of the rows.

        Parameters
        ----------
        rows : array_like of int or bool
            Indices or a mask.
        """
        chosen = np.asarray(rows)
        if chosen.dtype != bool:
            chosen = chosen.astype(np.int64)
        return Detections(
            self.boxes[chosen], self.scores[chosen], self.class_ids[chosen], self.tiles[chosen]
        )

    def with_boxes(self, boxes: ArrayLike) -> Detections:
        """Return the same objects with other boxes.

        Parameters
        ----------
        boxes : array_like, shape (N, 4)
        """
        return replace(self, boxes=as_boxes(boxes))

    def with_tile(self, tile: int) -> Detections:
        """Return the same objects, all assigned to one tile.

        Parameters
        ----------
        tile : int
        """
        return replace(self, tiles=np.full(len(self), tile, dtype=np.int64))


def _integers(column: ArrayLike | None, count: int, default: int) -> NDArray[np.int64]:
    if column is None:
        return np.full(count, default, dtype=np.int64)
    return np.asarray(column, dtype=np.int64)
