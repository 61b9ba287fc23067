"""Detect the objects of a whole field: tiles of a pyramid, merged into one table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..imaging import (
    Detections,
    Tile,
    area,
    clip,
    cut_tiles,
    longer_sides,
    plan_tiles,
    suppress,
    touches_inner_edge,
)
from .base import BaseDetector
from .refinement import Refinement

__all__ = ["detect_field", "field_tiles", "refine_detections"]

# Share of a tile that neighbours have in common: a galaxy up to this share of a tile lies whole in
# at least one tile of the pass, and the pass at half the scale takes over from there.
_OVERLAP = 0.5

# Up to nine tenths of that a galaxy lies whole in a tile for certain, also where its box is a few
# pixels too large.  What the coarser passes box so small is found more certainly by the finer one,
# or is wrong: most often a close pair, of which little more than one is left at their scale.
_WHOLE = 0.9 * _OVERLAP

# Two boxes of one object, from neighbouring tiles or passes or of different classes, agree to
# better than this; two objects that overlap on the sky do not.
_SAME_OBJECT_IOU = 0.45


def detect_field(
    rgb: NDArray[np.uint8],
    detector: BaseDetector,
    score_threshold: float | None = None,
    tiles: Sequence[Tile] | None = None,
) -> Detections:
    """Detect the objects of a field of any size.

    The field is searched at full scale and at 1/2, 1/4 ... of it until it fits one tile (see
    :func:`~galpipe.imaging.plan_tiles`), so that objects larger than a tile are found as well as
    the smallest.  A pass keeps no box so small that the finer pass sees its object whole.  A box
    cut by an inner tile edge is dropped: another tile or pass has the object whole.  Boxes of
    several tiles are merged by IoU, never by the overlap with the smaller box, which would remove
    a small galaxy in front of a large one.  An object found as several classes has the class with
    the best score.  A refinement, where the detector has one, adjusts the edges and the scores of
    all boxes that it could raise to the lowest score.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    detector : BaseDetector
        Detector of the objects of one tile.
    score_threshold : float, optional
        Lowest score kept; by default that of the detector.  At its `lowest_score` or below,
        detections that the refinement rates lower are kept too.
    tiles : sequence of Tile, optional
        Tiles to search, as `field_tiles` plans them; by default those of all passes.

    Returns
    -------
    Detections
        Boxes in pixels of the field (pixel edges, 0-based, half-open), best score first; its
        column ``tiles`` indexes `tiles`.
    """
    height, width = rgb.shape[:2]
    threshold = detector.score_threshold if score_threshold is None else score_threshold
    refinement = detector.refinement
    lowest = threshold
    if refinement is not None:
        # Below the lowest score at which the detector is measured there are no objects.
        lowest = min(threshold, max(refinement.lowest(threshold), detector.lowest_score))
    found = [Detections.empty()]
    if tiles is None:
        tiles = field_tiles(width, height, detector.input_size)
    smallest = _smallest_by_scale(tiles)
    for tile, pixels in cut_tiles(rgb, tiles):
        (detections,) = detector.detect_tiles(pixels[np.newaxis], lowest)
        boxes = clip(tile.to_field(detections.boxes), width, height)
        # A tile may reach beyond a small field; boxes wholly outside are dropped.
        kept = ~touches_inner_edge(tile, detections.boxes, width, height) & (area(boxes) > 0)
        kept &= longer_sides(boxes) >= smallest[tile.scale]
        found.append(detections.with_boxes(boxes).with_tile(tile.index).select(kept))
    merged = _merged(Detections.concatenate(found))
    if refinement is None:
        return merged
    again = refine_detections(rgb, merged, refinement)
    # A measurement asks for the lowest scores and needs every detection, also those that the
    # refinement rates lower.
    return again.select((again.scores >= threshold) | (threshold <= detector.lowest_score))


def refine_detections(
    rgb: NDArray[np.uint8], found: Detections, refinement: Refinement
) -> Detections:
    """Refine the detections of a field and merge boxes that then agree.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    found : Detections
        Detections of the field, best score first.
    refinement : Refinement
        Refinement of edges and scores.
    """
    return _merged(refinement.refine(rgb, found))


def _smallest_by_scale(tiles: Sequence[Tile]) -> dict[float, float]:
    """Return the smallest longer side, in pixels of the field, of a box of each pass."""
    scales = _scales(tiles)
    finer = [math.inf, *scales[:-1]]
    return {
        scale: _WHOLE * tiles[0].size / before for scale, before in zip(scales, finer, strict=True)
    }


def _merged(found: Detections) -> Detections:
    return found.select(suppress(found.boxes, found.scores, _SAME_OBJECT_IOU))


def field_tiles(width: int, height: int, size: int, passes: int | None = None) -> list[Tile]:
    """Plan the tiles on which a field is searched.

    Parameters
    ----------
    width, height : int
        Size of the field, in pixels.
    size : int
        Side of a tile, in pixels.
    passes : int, optional
        Limit the search to this many pyramid levels (1, 1/2, 1/4, ...); by default all.

    Returns
    -------
    list of Tile
        In the order of their index.
    """
    tiles = plan_tiles(width, height, size, int(size * _OVERLAP))
    kept = _scales(tiles)[:passes]
    return [tile for tile in tiles if tile.scale in kept]


def _scales(tiles: Sequence[Tile]) -> list[float]:
    """Return the scale of each pass, from the finest on."""
    return list(dict.fromkeys(tile.scale for tile in tiles))
