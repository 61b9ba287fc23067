"""The isophotes about a box: what its object's edges may be, and how they differ."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging.boxes import area, iou
from ...imaging.grey import clipped_noise_level, extent, noise_level

__all__ = ["CANDIDATES", "FEATURES", "ODD_FEATURE", "Isophotes", "find_isophotes"]

_LEVELS = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 9.0, 12.0)
_WAYS = 3
_MARGIN, _LEAST_MARGIN = 0.35, 2.0
_SAMPLING = 3
_FURTHEST = 1.5
_FAINTEST_MEAN = 0.3
_AT_ONCE = 1000
# Longest side in pixels of a picture about one galaxy.
_CUTOUT = 640

CANDIDATES = _WAYS * len(_LEVELS) + 1
"""Boxes that are proposed for each box, itself the last."""
FEATURES = 25
"""Numbers that describe each of them; the first four are its edges relative to the box."""
ODD_FEATURE = 16
"""The feature that changes its sign when x and y are exchanged, as only the edges do besides."""


@dataclass(frozen=True, eq=False)
class Isophotes:
    """What the isophotes at several levels make of some boxes.

    Attributes
    ----------
    boxes : ndarray, shape (N, CANDIDATES, 4)
        Pixel edges as everywhere.  For each level the whole isophote, its part in the
        neighbourhood of the box, and of that part what mirrors itself at the box's centre: a
        neighbour that touches does not.
    features : ndarray of float64, shape (N, CANDIDATES, FEATURES)
    """

    boxes: NDArray[np.float64]
    features: NDArray[np.float64]


def find_isophotes(grey: NDArray[np.float32], boxes: NDArray[np.float64]) -> Isophotes:
    """Measure the isophotes that a picture has where boxes are.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From :func:`~galpipe.imaging.grey.smoothed_grey`.
    boxes : ndarray, shape (N, 4)
        Best first, within the picture and of some area.

    Returns
    -------
    Isophotes
        Where there is no isophote, the box itself stands for it.
    """
    # A cutout is annotated by the noise of the whole, its galaxy included; a field has sky enough.
    whole = max(grey.shape) <= _CUTOUT
    sky, noise = noise_level(grey) if whole else clipped_noise_level(grey)
    signal = (grey - np.float32(sky)) / np.float32(noise)
    candidates = np.repeat(boxes[:, np.newaxis], CANDIDATES, axis=1)
    # Of each candidate: share of the box that its isophote fills, share of it that lies outside,
    # growth from the level before, and whether there is none.
    shapes = np.zeros((len(boxes), CANDIDATES, 4))
    sizes = np.zeros(len(boxes))
    # One level after the other: of a large picture, all maps together would fill the memory.
    for place, level in enumerate(_LEVELS):
        above = (signal > level).astype(np.uint8)
        _, owner, statistics, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
        rows = slice(_WAYS * place, _WAYS * (place + 1))
        for row, box in enumerate(boxes):
            inside = owner[_pixels(box, signal.shape)]
            counts = np.bincount(inside.ravel(), minlength=2)
            counts[0] = 0
            own = int(counts.argmax())
            if not counts[own]:
                shapes[row, rows, 3] = 1
                continue
            left, top, width, height, pixels = statistics[own].tolist()
            near, mirrored = _parts(owner, own, box)
            candidates[row, rows] = (left, top, left + width, top + height), near, mirrored
            growth = np.log2(pixels / sizes[row]) if sizes[row] else 0.0
            sizes[row] = pixels
            filled = counts[own] / inside.size
            shapes[row, rows, :3] = filled, 1 - counts[own] / pixels, np.clip(growth, -4, 4)
    empty = area(candidates.reshape(-1, 4)).reshape(candidates.shape[:2]) == 0
    shapes[empty, 3] = 1
    candidates = np.where(empty[:, :, np.newaxis], boxes[:, np.newaxis], candidates)
    contexts = _contexts(signal, boxes, float(noise))
    return Isophotes(candidates, _features(candidates, boxes, shapes, contexts, signal.shape))


def _contexts(
    signal: NDArray[np.float32], boxes: NDArray[np.float64], noise: float
) -> NDArray[np.float64]:
    """Return what is told of each box whatever the level: light, noise, and better boxes on it."""
    spread = _spread(signal)
    light = [_light(signal[_pixels(box, signal.shape)], box) for box in boxes]
    around = np.tile([*spread, np.log(noise)], (len(boxes), 1))
    return np.column_stack([np.reshape(light, (len(boxes), 5)), around, _overlap_better(boxes)])


def _overlap_better(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest IoU of each box with one before it."""
    most = np.zeros(len(boxes))
    for start in range(0, len(boxes), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        overlap = np.tril(iou(boxes[part], boxes[: part.stop]), start - 1)
        most[part] = overlap.max(axis=1, initial=0.0)
    return most


def _pixels(box: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of a picture that a box touches, one at least."""
    height, width = shape
    x, y = max(min(int(box[0]), width - 1), 0), max(min(int(box[1]), height - 1), 0)
    right, bottom = (int(np.ceil(edge)) for edge in box[2:])
    return slice(y, max(bottom, y + 1)), slice(x, max(right, x + 1))


def _parts(owner: NDArray[np.int32], own: int, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the boxes of a region's part about a box, and of what of it mirrors itself there."""
    size = box[2:] - box[:2]
    margin = _MARGIN * size + _LEAST_MARGIN
    x0, y0 = np.round(box[:2] - margin).astype(int)
    x1, y1 = np.round(box[2:] + margin).astype(int)
    height, width = owner.shape
    rows, columns = slice(max(y0, 0), min(y1, height)), slice(max(x0, 0), min(x1, width))
    near = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    near[rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0] = (
        owner[rows, columns] == own
    )
    corner = np.array([x0, y0, x0, y0])
    return np.array([extent(near), extent(near & near[::-1, ::-1])]) + corner


def _spread(signal: NDArray[np.float32]) -> tuple[float, float]:
    """Return two other measures of the noise over that from the median deviation, logarithms."""
    sample = signal[::_SAMPLING, ::_SAMPLING].ravel()
    below = -sample[sample < 0]
    low = max(1.4826 * float(np.median(below)), 0.1) if below.size else 0.1
    for _ in range(5):
        sample = sample[np.abs(sample) < 3 * sample.std() + 1e-6]
    return float(np.log(low)), float(np.log(max(sample.std(), 0.1)))


def _light(inside: NDArray[np.float32], box: NDArray[np.float64]) -> tuple[float, ...]:
    """Return size and aspect of a box, and the peak, the mean and the cores of what is in it."""
    width, height = box[2:] - box[:2]
    peak, mean = max(float(inside.max()), 1.0), max(float(inside.mean()), _FAINTEST_MEAN)
    return (
        np.log2(width / height),
        np.log2(np.sqrt(width * height) / 32),
        np.log2(peak),
        np.log2(mean),
        float((inside > peak / 2).mean()),
    )


def _features(
    candidates: NDArray[np.float64],
    boxes: NDArray[np.float64],
    shapes: NDArray[np.float64],
    contexts: NDArray[np.float64],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    count = len(boxes)
    own = boxes[:, np.newaxis]
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)[:, np.newaxis]
    edges = np.clip((candidates - own) / size, -_FURTHEST, _FURTHEST)
    areas = area(candidates.reshape(-1, 4)).reshape(count, CANDIDATES)
    corners = np.maximum(candidates[..., :2], own[..., :2])
    sides = np.maximum(np.minimum(candidates[..., 2:], own[..., 2:]) - corners, 0)
    shared = sides.prod(axis=2)
    union = areas + area(boxes)[:, np.newaxis] - shared
    growth = np.clip(np.log2(areas / area(boxes)[:, np.newaxis]) / 2, -3, 3)
    height, width = shape
    at_edge = (candidates[..., :2] <= 0).any(axis=2)
    at_edge |= (candidates[..., 2:] >= (width, height)).any(axis=2)
    ways = np.eye(_WAYS + 1)[[*(list(range(_WAYS)) * len(_LEVELS)), _WAYS]]
    levels = np.append(np.repeat(np.log2(_LEVELS), _WAYS) - 2, 0.0)
    kinds = np.concatenate([levels[:, np.newaxis], ways], axis=1)
    return np.concatenate(
        [
            edges,
            np.stack([shared / union, growth, at_edge], axis=2),
            shapes,
            np.broadcast_to(kinds, (count, *kinds.shape)),
            np.broadcast_to(contexts[:, np.newaxis], (count, CANDIDATES, contexts.shape[1])),
        ],
        axis=2,
    )
