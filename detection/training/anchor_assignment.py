"""Assignment of anchors to objects, the targets of training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...imaging import area, iou
from .training_tiles import TrainingTile

__all__ = ["AnchorTargets", "assign_anchors"]

# RetinaNet (Lin et al. 2017, arXiv:1708.02002, section 4): positive from IoU 0.5, negative under
# 0.4, ignored between.
_POSITIVE = 0.5
_NEGATIVE = 0.4
# An object without such an anchor gets all anchors with at least this fraction of its best IoU.
_NEARLY_BEST = 0.9
# An anchor is on a difficult object if this fraction of its area is inside, or from this IoU.
_COVERED = 0.5
_SAME_EXTENT = 0.3


class AnchorTargets(NamedTuple):
    """Targets of every anchor of one tile.

    Attributes
    ----------
    classes : ndarray of int32, shape (A,)
        1 + class id of the assigned object; -1 for background, for which all channels of the
        one-hot target are zero, as in TF-Vision.
    codes : ndarray of float32, shape (A, 4)
        Box targets ``ty, tx, th, tw``; zero for background.
    class_weights, box_weights : ndarray of float32, shape (A,)
        0 if the anchor is ignored in the class or box loss, else 1.
    """

    classes: NDArray[np.int32]
    codes: NDArray[np.float32]
    class_weights: NDArray[np.float32]
    box_weights: NDArray[np.float32]


def assign_anchors(tile: TrainingTile, anchors: NDArray[np.float64]) -> AnchorTargets:
    """Assign every anchor of a training tile to an object or to the background.

    Anchors on a difficult object are ignored unless they are assigned to another object.  If too
    little of an object is inside the tile, anchors of the size of its visible part are ignored, but
    small anchors inside it are background: the core of a galaxy is not a small galaxy.  Anchors
    smaller than the smallest annotated object are ignored unless they are assigned.

    Parameters
    ----------
    tile : TrainingTile
    anchors : ndarray, shape (A, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the tile, edges 0-based, half-open.

    Returns
    -------
    AnchorTargets
    """
    classes = np.full(len(anchors), -1, dtype=np.int32)
    codes = np.zeros((len(anchors), 4), dtype=np.float32)
    ignored = np.sqrt(area(anchors)) < tile.smallest
    for box in tile.ignored:
        near = _touching(anchors, box)
        ignored[near] |= (_share_on(anchors[near], box) >= _COVERED) | (
            iou(anchors[near], [box])[:, 0] >= _SAME_EXTENT
        )
    for box in tile.cut:
        near = _touching(anchors, box)
        ignored[near] |= iou(anchors[near], [box])[:, 0] >= _SAME_EXTENT
    positive = np.zeros(len(anchors), dtype=bool)
    if len(tile.boxes):
        overlap = np.zeros((len(anchors), len(tile.boxes)))
        for column, box in enumerate(tile.boxes):
            near = _touching(anchors, box)
            overlap[near, column] = iou(anchors[near], [box])[:, 0]
        best = overlap.max(axis=0)
        threshold = np.minimum(_POSITIVE, _NEARLY_BEST * best)
        match = np.where(overlap >= threshold, overlap, 0.0)
        owner = match.argmax(axis=1)
        positive = match[np.arange(len(anchors)), owner] > 0
        ignored |= (overlap >= _NEGATIVE).any(axis=1)
        classes[positive] = 1 + tile.class_ids[owner[positive]]
        codes[positive] = _encode(tile.boxes[owner[positive]], anchors[positive])
    return AnchorTargets(
        classes,
        codes,
        (positive | ~ignored).astype(np.float32),
        positive.astype(np.float32),
    )


def _touching(anchors: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of the anchors that overlap a box; computing IoU for these is faster."""
    xmin, ymin, xmax, ymax = anchors.T
    return np.flatnonzero((xmin < box[2]) & (ymin < box[3]) & (xmax > box[0]) & (ymax > box[1]))


def _share_on(anchors: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the fraction of each anchor's area inside a box."""
    low = np.maximum(anchors[:, :2], box[:2])
    high = np.minimum(anchors[:, 2:], box[2:])
    shared: NDArray[np.float64] = np.maximum(high - low, 0.0).prod(axis=1)
    return shared / area(anchors)


def _encode(boxes: NDArray[np.float64], anchors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the box codes, the inverse of `~galpipe.detection.anchors.decode_boxes`."""
    anchor_sides = anchors[:, 2:] - anchors[:, :2]
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    shift = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2 / anchor_sides
    return np.concatenate([shift[:, ::-1], np.log(sides / anchor_sides)[:, ::-1]], axis=1)
