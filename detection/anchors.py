"""Anchor boxes and box coder of the detectors, in NumPy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..configs import Anchors

__all__ = ["LARGEST_LOG_SIDE", "anchors_at", "best_overlaps", "decode_boxes", "multilevel_anchors"]

LARGEST_LOG_SIDE = math.log(1000.0 / 16.0)
"""Upper limit of the predicted log side ratio, against overflow (BBOX_XFORM_CLIP of TF-Vision's
official/vision/ops/box_ops.py)."""


def multilevel_anchors(anchors: Anchors, input_size: int) -> NDArray[np.float64]:
    """Return the anchor boxes of a square input in the order of TF-Vision's flattened outputs.

    Parameters
    ----------
    anchors : Anchors
        Levels, scales, aspect ratios (width over height) and size.
    input_size : int
        Side of the network's input, in pixels.

    Returns
    -------
    boxes : ndarray, shape (A, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input, edges 0-based, half-open; ordered by
        level, then cell (row by row), scale and aspect ratio.

    Examples
    --------
    >>> from galpipe.configs import Anchors
    >>> multilevel_anchors(Anchors(), input_size=320).shape
    (19125, 4)
    """
    cells = sum(
        len(_centres(level, input_size)) ** 2
        for level in range(anchors.min_level, anchors.max_level + 1)
    )
    rows = np.arange(cells * anchors.per_cell)
    return anchors_at(rows, anchors, input_size, input_size)


def anchors_at(
    rows: NDArray[np.int64], anchors: Anchors, width: int, height: int
) -> NDArray[np.float64]:
    """Return some of the anchor boxes of an input, in the order of `multilevel_anchors`.

    Parameters
    ----------
    rows : ndarray of int, shape (N,)
        Numbers of the anchors.
    anchors : Anchors
        As for `multilevel_anchors`.
    width, height : int
        Size of the network's input, in pixels.

    Returns
    -------
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input, edges 0-based, half-open.
    """
    boxes = np.empty((len(rows), 4))
    first = 0
    for level in range(anchors.min_level, anchors.max_level + 1):
        x, y, sides = _centres(level, width), _centres(level, height), _sides(anchors, level)
        last = first + len(x) * len(y) * len(sides)
        own = (rows >= first) & (rows < last)
        cell, shape = np.divmod(rows[own] - first, len(sides))
        down, across = np.divmod(cell, len(x))
        centre, half = np.stack([x[across], y[down]], axis=1), sides[shape] / 2
        boxes[own] = np.concatenate([centre - half, centre + half], axis=1)
        first = last
    return boxes


def best_overlaps(
    boxes: NDArray[np.float64], anchors: Anchors, input_size: int
) -> NDArray[np.float64]:
    """Return the IoU of each box with its best anchor.

    Among anchors of one shape the nearest fits best, so one cell per level is enough.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input, edges 0-based, half-open; not empty.
    anchors : Anchors
        As for `multilevel_anchors`.
    input_size : int
        Side of the network's input, in pixels.

    Returns
    -------
    ndarray, shape (N,)
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    box_centres = boxes[:, :2] + sides / 2
    best = np.zeros(len(boxes))
    for level in range(anchors.min_level, anchors.max_level + 1):
        centres = _centres(level, input_size)
        nearest = np.floor(box_centres * (len(centres) / input_size)).astype(np.int64)
        distance = np.abs(box_centres - centres[np.clip(nearest, 0, len(centres) - 1)])
        for anchor in _sides(anchors, level):
            shared = np.minimum(np.minimum(sides, anchor), (sides + anchor) / 2 - distance)
            overlap = np.maximum(shared, 0).prod(axis=1)
            np.maximum(best, overlap / (sides.prod(axis=1) + anchor.prod() - overlap), out=best)
    return best


def decode_boxes(codes: NDArray[np.floating], anchors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decode the box codes of a network.

    Parameters
    ----------
    codes : ndarray, shape (N, 4)
        ``ty, tx, th, tw``: offset of the centre in units of the anchor's sides, and logarithm of
        the ratio of the sides (Ren et al. 2015, arXiv:1506.01497, equation 2), in TF-Vision's
        order.
    anchors : ndarray, shape (N, 4)
        Anchor of each code, ``xmin, ymin, xmax, ymax`` (pixel edges, 0-based, half-open).

    Returns
    -------
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in the coordinates of the anchors.
    """
    sides = anchors[:, 2:] - anchors[:, :2]
    shift, log_ratio = codes[:, 1::-1], codes[:, :1:-1]
    centres = anchors[:, :2] + sides / 2 + shift * sides
    half = np.exp(np.minimum(log_ratio, LARGEST_LOG_SIDE)) * sides / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def _centres(level: int, input_size: int) -> NDArray[np.float64]:
    """Return the centres of the cells of a level along a side of the input."""
    cells = math.ceil(input_size / 2**level)
    centres: NDArray[np.float64] = (np.arange(cells) + 0.5) * (input_size / cells)
    return centres


def _sides(anchors: Anchors, level: int) -> NDArray[np.float64]:
    """Return width and height, shape (K, 2), of the anchors at each cell of a level."""
    shapes = [
        (
            2 ** (scale / anchors.num_scales) * ratio**0.5,
            2 ** (scale / anchors.num_scales) * ratio**-0.5,
        )
        for scale in range(anchors.num_scales)
        for ratio in anchors.aspect_ratios
    ]
    return np.array(shapes, np.float64) * float(anchors.anchor_size * 2**level)
