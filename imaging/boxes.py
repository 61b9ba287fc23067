"""Arithmetic on boxes.

A box is a row ``xmin, ymin, xmax, ymax``: 0-based, half-open pixel edges, x to the right and y
down the rows of the array as it was read. A box that covers exactly the first pixel is
``0, 0, 1, 1``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area", "as_boxes", "clip", "iou", "longer_sides", "suppress"]


def as_boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return boxes as a float64 array of shape (N, 4).

    Raises
    ------
    ValueError
        If the shape is another one. An empty sequence gives shape (0, 4).
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes must have the shape (N, 4), not {array.shape}")
    return array


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return the areas in square pixels, shape (N,); an inside-out box has none."""
    array = as_boxes(boxes)
    sides = np.maximum(array[:, 2:] - array[:, :2], 0.0)
    return sides[:, 0] * sides[:, 1]


def longer_sides(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return the longer side of each box in pixels, shape (N,); 0 where both are inside out."""
    array = as_boxes(boxes)
    return np.asarray((array[:, 2:] - array[:, :2]).max(axis=1, initial=0.0))


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a, b : array_like
        Boxes of shapes (N, 4) and (M, 4).

    Returns
    -------
    ndarray
        Shape (N, M), values in 0..1; two boxes without area give 0.
    """
    first, second = as_boxes(a), as_boxes(b)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def clip(boxes: ArrayLike, width: float, height: float) -> NDArray[np.float64]:
    """Return the boxes cut at the edges of a picture of `width` x `height` pixels."""
    limits = np.array([width, height, width, height], dtype=np.float64)
    return np.clip(as_boxes(boxes), 0.0, limits)


def suppress(
    boxes: ArrayLike,
    scores: ArrayLike,
    iou_threshold: float,
    class_ids: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Drop every box that overlaps a better one: greedy non-maximum suppression.

    Parameters
    ----------
    boxes : array_like
        Shape (N, 4).
    scores : array_like
        Shape (N,); where equal, the earlier box is the better one.
    iou_threshold : float
        A box goes when its IoU with a kept box is above this.
    class_ids : array_like, optional
        Shape (N,); if given, boxes of different classes never suppress each other.

    Returns
    -------
    ndarray
        Indices of the boxes kept, best score first.
    """
    array = as_boxes(boxes)
    ranked = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    if ranked.shape != (len(array),):
        raise ValueError(f"{len(array)} boxes need as many scores, not {ranked.shape}")
    classes = None if class_ids is None else np.asarray(class_ids)
    kept = []
    while ranked.size:
        best, rest = ranked[0], ranked[1:]
        kept.append(best)
        beaten = iou(array[[best]], array[rest])[0] > iou_threshold
        if classes is not None:
            beaten &= classes[rest] == classes[best]
        ranked = rest[~beaten]
    return np.array(kept, dtype=np.int64)
