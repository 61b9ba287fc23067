"""Isophotes around a box, as candidates for the edges of its object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging.background import extent
from ...imaging.boxes import area, iou, overlap
from .whole_picture import WholePicture

__all__ = ["CANDIDATES", "FEATURES", "ODD_FEATURE", "EdgeCandidates", "edge_candidates"]

# Isophote levels, in units of the noise of the sky.
_LEVELS = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 9.0, 12.0)
# Boxes per isophote: of the whole, of the part near the box, and of its symmetric part.
_KINDS = 3
# Margin of the region near a box: fraction of its size, plus pixels.
_MARGIN, _MARGIN_PIXELS = 0.35, 2.0
_FURTHEST = 1.5
_FAINTEST_MEAN = 0.3
_CHUNK = 1000

_Part = tuple[slice, slice]

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


def edge_candidates(
    grey: NDArray[np.float32], boxes: NDArray[np.float64], whole: WholePicture | None = None
) -> EdgeCandidates:
    """Measure the isophotes of an image around each box.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From :func:`~galpipe.imaging.background.smoothed_grey`.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open; best score first, inside the image and not empty.
    whole : WholePicture, optional
        The picture, if the image is a window of it.

    Returns
    -------
    EdgeCandidates
        A missing isophote is replaced by the box itself.
    """
    picture = whole or WholePicture.of(grey)
    signal = grey - np.float32(picture.sky)
    signal /= np.float32(picture.noise)
    candidates = np.repeat(boxes[:, np.newaxis], CANDIDATES, axis=1)
    # Per candidate: fraction of the box inside the isophote, fraction of the isophote outside the
    # box, growth since the previous level, and 1 if there is no isophote.
    shapes = np.zeros((len(boxes), CANDIDATES, 4))
    sizes = np.zeros(len(boxes))
    everything = (slice(0, signal.shape[0]), slice(0, signal.shape[1]))
    parts = [everything] * len(boxes)
    # One level at a time, to save memory on large images.
    for number, level in enumerate(_LEVELS):
        kinds = slice(_KINDS * number, _KINDS * (number + 1))
        for part, rows in _searched(parts, everything):
            regions = _Regions.of(signal[part] > level)
            corner = np.array([part[1].start, part[0].start] * 2, np.float64)
            for row in rows:
                if part is everything:
                    parts[row] = _narrowed(regions, boxes[row], len(boxes)) or everything
                found = _isophotes(regions, boxes[row] - corner)
                if found is None:
                    shapes[row, kinds, 3] = 1
                    continue
                isophotes, filled, outside, pixels = found
                candidates[row, kinds] = isophotes + corner
                growth = np.log2(pixels / sizes[row]) if sizes[row] else 0.0
                sizes[row] = pixels
                shapes[row, kinds, :3] = filled, outside, np.clip(growth, -4, 4)
    empty = area(candidates.reshape(-1, 4)).reshape(candidates.shape[:2]) == 0
    shapes[empty, 3] = 1
    candidates = np.where(empty[:, :, np.newaxis], boxes[:, np.newaxis], candidates)
    contexts = _contexts(signal, boxes, picture)
    return EdgeCandidates(candidates, _features(candidates, boxes, shapes, contexts, picture))


@dataclass(frozen=True, eq=False)
class _Regions:
    """Connected regions of a mask: number of each pixel, and OpenCV's statistics by number."""

    owner: NDArray[np.int32]
    statistics: NDArray[np.int32]

    @classmethod
    def of(cls, above: NDArray[np.bool_]) -> _Regions:
        _, owner, statistics, _ = cv2.connectedComponentsWithStats(
            above.view(np.uint8), connectivity=8
        )
        return cls(np.asarray(owner, np.int32), np.asarray(statistics, np.int32))


def _searched(parts: Sequence[_Part], whole: _Part) -> list[tuple[_Part, list[int]]]:
    """Return the parts of an image in which isophotes are sought, with the rows of their boxes."""
    shared = [row for row, part in enumerate(parts) if part is whole]
    own = [(part, [row]) for row, part in enumerate(parts) if part is not whole]
    return [(whole, shared), *own] if shared else own


def _narrowed(regions: _Regions, box: NDArray[np.float64], count: int) -> _Part | None:
    """Return the part of an image that holds all isophotes of higher levels that reach into a box.

    They are inside the regions of the present level that do.  None for a part so large that, with
    others like it, more pixels would be searched than in the whole image.
    """
    rows, columns = _pixels(box, regions.owner.shape)
    reaching = np.bincount(regions.owner[rows, columns].ravel()) > 0
    reaching[0] = False
    corners = regions.statistics[: len(reaching), :4][reaching]
    corners[:, 2:] += corners[:, :2]
    own = [[columns.start, rows.start, columns.stop, rows.stop]]
    corners = np.concatenate([corners, np.array(own, np.int32)])
    left, top = corners[:, :2].min(axis=0).tolist()
    right, bottom = corners[:, 2:].max(axis=0).tolist()
    if (right - left) * (bottom - top) * count > regions.owner.size:
        return None
    return slice(top, bottom), slice(left, right)


def _isophotes(
    regions: _Regions, box: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float, int] | None:
    """Return the isophote that fills most of a box; None if there is none.

    Returns
    -------
    isophotes : ndarray, shape (3, 4)
        Bounding boxes of the whole, of its part near the box, and of the symmetric part of that.
    filled, outside : float
        Fraction of the box that it fills, and of it that is outside the box.
    pixels : int
        Its area.
    """
    inside = regions.owner[_pixels(box, regions.owner.shape)]
    counts = np.bincount(inside.ravel(), minlength=2)
    counts[0] = 0
    own = int(counts.argmax())
    if not counts[own]:
        return None
    left, top, width, height, pixels = regions.statistics[own].tolist()
    parts = _parts(regions.owner, own, box)
    isophotes = np.array([(left, top, left + width, top + height), *parts], np.float64)
    return isophotes, counts[own] / inside.size, 1 - counts[own] / pixels, pixels


def _contexts(
    signal: NDArray[np.float32], boxes: NDArray[np.float64], picture: WholePicture
) -> NDArray[np.float64]:
    """Return the features of each box that do not depend on the level: light, noise, overlap."""
    light = [_light(signal[_pixels(box, signal.shape)], box, picture.factor) for box in boxes]
    background = np.tile([*picture.spread, np.log(picture.noise)], (len(boxes), 1))
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
    # For a few numbers, Python's own arithmetic is faster than that of arrays.
    left, top, right, bottom = box.tolist()
    x, y = max(min(int(left), width - 1), 0), max(min(int(top), height - 1), 0)
    return slice(y, max(math.ceil(bottom), y + 1)), slice(x, max(math.ceil(right), x + 1))


def _parts(
    owner: NDArray[np.int32], own: int, box: NDArray[np.float64]
) -> Iterator[tuple[float, ...]]:
    """Yield the bounding boxes of an isophote near a box, and of its symmetric part there."""
    left, top, right, bottom = box.tolist()
    across = _MARGIN * (right - left) + _MARGIN_PIXELS
    down = _MARGIN * (bottom - top) + _MARGIN_PIXELS
    x0, y0 = round(left - across), round(top - down)
    x1, y1 = round(right + across), round(bottom + down)
    near = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    in_image, in_part = overlap((x0, y0, x1, y1), owner.shape)
    near[in_part] = owner[in_image] == own
    for part in (near, near & near[::-1, ::-1]):
        xmin, ymin, xmax, ymax = extent(part)
        yield xmin + x0, ymin + y0, xmax + x0, ymax + y0


def _light(
    inside: NDArray[np.float32], box: NDArray[np.float64], factor: float
) -> tuple[float, ...]:
    """Return aspect ratio and size of a box, and peak, mean and core fraction of its light."""
    width, height = box[2:] - box[:2]
    peak, mean = max(float(inside.max()), 1.0), max(float(inside.mean()), _FAINTEST_MEAN)
    return (
        np.log2(width / height),
        np.log2(factor * np.sqrt(width * height) / 32),
        np.log2(peak),
        np.log2(mean),
        float((inside > peak / 2).mean()),
    )


def _features(
    candidates: NDArray[np.float64],
    boxes: NDArray[np.float64],
    shapes: NDArray[np.float64],
    contexts: NDArray[np.float64],
    picture: WholePicture,
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
    corner = np.array([picture.left, picture.top], np.float64)
    at_edge = (candidates[..., :2] + corner <= 0).any(axis=2)
    at_edge |= (candidates[..., 2:] + corner >= (picture.width, picture.height)).any(axis=2)
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
