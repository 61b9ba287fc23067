"""Isophotes around a box, as candidates for the edges of its object."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging.background import extent, noise_level
from ...imaging.boxes import area, iou, overlap

__all__ = ["CANDIDATES", "FEATURES", "ODD_FEATURE", "EdgeCandidates", "edge_candidates"]

# Isophote levels, in units of the noise of the sky.
_LEVELS = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 9.0, 12.0)
# Boxes per isophote: of the whole, of the part near the box, and of its symmetric part.
_KINDS = 3
# Margin of the region near a box: fraction of its size, plus pixels.
_MARGIN, _MARGIN_PIXELS = 0.35, 2.0
_SAMPLING = 3
_FURTHEST = 1.5
_FAINTEST_MEAN = 0.3
_CHUNK = 1000
# Longest side in pixels of an image of a single galaxy.
_CUTOUT = 640

CANDIDATES = _KINDS * len(_LEVELS) + 1
"""Number of candidates per box; the last is the box itself."""
FEATURES = 25
"""Number of features per candidate; the first four are its edges relative to the box."""
ODD_FEATURE = 16
"""Index of the only feature, besides the edges, that changes sign when x and y are exchanged."""


@dataclass(frozen=True, eq=False)
class EdgeCandidates:
    """Candidates for the edges of each box.

    Attributes
    ----------
    boxes : ndarray, shape (N, CANDIDATES, 4)
        Pixel edges, 0-based, half-open.  For each level, the bounding boxes of the whole isophote,
        of its part near the box, and of the pixels of that part that are symmetric about the centre
        of the box, which excludes touching neighbours.
    features : ndarray of float64, shape (N, CANDIDATES, FEATURES)
        Geometry and brightness of each candidate.
    """

    boxes: NDArray[np.float64]
    features: NDArray[np.float64]


def edge_candidates(grey: NDArray[np.float32], boxes: NDArray[np.float64]) -> EdgeCandidates:
    """Measure the isophotes of an image around each box.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From :func:`~galpipe.imaging.background.smoothed_grey`.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open; best score first, inside the image and not empty.

    Returns
    -------
    EdgeCandidates
        A missing isophote is replaced by the box itself.
    """
    # In cutouts, isophotes are relative to the noise of the whole image, galaxy included.
    sky, noise = noise_level(grey, clipped=max(grey.shape) > _CUTOUT)
    signal = (grey - np.float32(sky)) / np.float32(noise)
    candidates = np.repeat(boxes[:, np.newaxis], CANDIDATES, axis=1)
    # Per candidate: fraction of the box inside the isophote, fraction of the isophote outside the
    # box, growth since the previous level, and 1 if there is no isophote.
    shapes = np.zeros((len(boxes), CANDIDATES, 4))
    sizes = np.zeros(len(boxes))
    # One level at a time, to save memory on large images.
    for number, level in enumerate(_LEVELS):
        above = (signal > level).astype(np.uint8)
        _, regions, statistics, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
        owner = np.asarray(regions, np.int32)
        rows = slice(_KINDS * number, _KINDS * (number + 1))
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
    return EdgeCandidates(candidates, _features(candidates, boxes, shapes, contexts, signal.shape))


def _contexts(
    signal: NDArray[np.float32], boxes: NDArray[np.float64], noise: float
) -> NDArray[np.float64]:
    """Return the features of each box that do not depend on the level: light, noise, overlap."""
    spread = _spread(signal)
    light = [_light(signal[_pixels(box, signal.shape)], box) for box in boxes]
    background = np.tile([*spread, np.log(noise)], (len(boxes), 1))
    return np.column_stack([np.reshape(light, (len(boxes), 5)), background, _overlap_better(boxes)])


def _overlap_better(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest IoU of each box with boxes of higher scores."""
    largest = np.zeros(len(boxes))
    for start in range(0, len(boxes), _CHUNK):
        part = slice(start, start + _CHUNK)
        earlier = np.tril(iou(boxes[part], boxes[: part.stop]), start - 1)
        largest[part] = earlier.max(axis=1, initial=0.0)
    return largest


def _pixels(box: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the slices of rows and columns inside a box, never empty."""
    height, width = shape
    x, y = max(min(int(box[0]), width - 1), 0), max(min(int(box[1]), height - 1), 0)
    right, bottom = (int(np.ceil(edge)) for edge in box[2:])
    return slice(y, max(bottom, y + 1)), slice(x, max(right, x + 1))


def _parts(owner: NDArray[np.int32], own: int, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bounding boxes of an isophote near a box, and of its symmetric part there."""
    size = box[2:] - box[:2]
    margin = _MARGIN * size + _MARGIN_PIXELS
    x0, y0 = np.round(box[:2] - margin).astype(int)
    x1, y1 = np.round(box[2:] + margin).astype(int)
    near = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    in_image, in_part = overlap((x0, y0, x1, y1), owner.shape)
    near[in_part] = owner[in_image] == own
    boxes: NDArray[np.float64] = np.array([extent(near), extent(near & near[::-1, ::-1])])
    return boxes + np.array([x0, y0, x0, y0], np.float64)


def _spread(signal: NDArray[np.float32]) -> tuple[float, float]:
    """Return logarithms of two noise estimates: from pixels below the sky, and sigma-clipped."""
    sample = signal[::_SAMPLING, ::_SAMPLING].ravel()
    below = -sample[sample < 0]
    low = max(1.4826 * float(np.median(below)), 0.1) if below.size else 0.1
    for _ in range(5):
        sample = sample[np.abs(sample) < 3 * sample.std() + 1e-6]
    return float(np.log(low)), float(np.log(max(sample.std(), 0.1)))


def _light(inside: NDArray[np.float32], box: NDArray[np.float64]) -> tuple[float, ...]:
    """Return aspect ratio and size of a box, and peak, mean and core fraction of its light."""
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
    kinds = np.eye(_KINDS + 1)[[*(list(range(_KINDS)) * len(_LEVELS)), _KINDS]]
    levels = np.append(np.repeat(np.log2(_LEVELS), _KINDS) - 2, 0.0)
    kinds = np.concatenate([levels[:, np.newaxis], kinds], axis=1)
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
