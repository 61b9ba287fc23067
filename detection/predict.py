"""Search a whole field with a detector: a pyramid of overlapping tiles, merged into one table."""

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
from .refinement import Refinement
from .tile_detector import TileDetector

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
    detector: TileDetector,
    score_threshold: float | None = None,
    passes: int | None = None,
) -> Detections:
    """Find the objects of a field of any size.

    The field is searched at full scale and at 1/2, 1/4 ... of it until it fits one tile (see
    :func:`~galpipe.imaging.plan_tiles`), so that objects larger than a tile are found as well as
    the smallest.  A pass adds nothing that the finer one sees whole for certain.  A box that an
    inner tile edge cuts is dropped, for another tile or pass has the object whole; what several
    tiles found is merged by IoU, never by the overlap with the smaller box, which would swallow a
    small galaxy in front of a large one.  What was found as several classes is of the class with
    the best score.  Where the detector has a refinement, it adjusts the edges and the
    scores of all boxes that could reach the lowest score with it.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    detector : TileDetector
        Finds the objects of one tile.
    score_threshold : float, optional
        Lowest score kept; by default the detector's own.  From its `lowest_score` down, all that
        there is.
    passes : int, optional
        Search at so many scales only, from full scale down; by default at all.

    Returns
    -------
    Detections
        Boxes in pixels of the field (0-based half-open edges, y down in the array), best first.
        ``tiles`` indexes ``field_tiles(width, height, detector.input_size)``.
    """
    height, width = rgb.shape[:2]
    size = detector.input_size
    threshold = detector.score_threshold if score_threshold is None else score_threshold
    refinement = detector.refinement
    lowest = threshold
    if refinement is not None:
        # What scores less than any score that is ever looked at is not about an object.
        lowest = min(threshold, max(refinement.lowest(threshold), detector.lowest_score))
    found = [Detections.empty()]
    tiles = field_tiles(width, height, size, passes)
    smallest = _smallest_by_scale(tiles)
    for tile, pixels in cut_tiles(rgb, tiles):
        (detections,) = detector.detect(pixels[np.newaxis], lowest)
        boxes = clip(tile.to_field(detections.boxes), width, height)
        # A tile may reach beyond a small field; what lies wholly out there is nothing.
        kept = ~touches_inner_edge(tile, detections.boxes, width, height) & (area(boxes) > 0)
        kept &= longer_sides(boxes) >= smallest[tile.scale]
        found.append(detections.with_boxes(boxes).with_tile(tile.index).select(kept))
    merged = _merged(Detections.concatenate(found))
    if refinement is None:
        return merged
    again = refine_detections(rgb, merged, refinement)
    # Who asks for the lowest scores wants all there is, to measure it: also what was found and
    # then thought less of.
    return again.select((again.scores >= threshold) | (threshold <= detector.lowest_score))


def refine_detections(
    rgb: NDArray[np.uint8], found: Detections, refinement: Refinement
) -> Detections:
    """Refine the detections of a field and merge boxes that then agree.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The field.
    found : Detections
        Best first.
    refinement : Refinement
    """
    # Two boxes of one object may agree only now.
    return _merged(refinement.refine(rgb, found))


def _smallest_by_scale(tiles: Sequence[Tile]) -> dict[float, float]:
    """Return the least longer side, in pixels of the field, of what each pass adds."""
    scales = _scales(tiles)
    finer = [math.inf, *scales[:-1]]
    return {
        scale: _WHOLE * tiles[0].size / before for scale, before in zip(scales, finer, strict=True)
    }


def _merged(found: Detections) -> Detections:
    return found.select(suppress(found.boxes, found.scores, _SAME_OBJECT_IOU))


def field_tiles(width: int, height: int, size: int, passes: int | None = None) -> list[Tile]:
    """Return the tiles of side `size` on which a field is searched, in the order of their index."""
    tiles = plan_tiles(width, height, size, int(size * _OVERLAP))
    kept = _scales(tiles)[:passes]
    return [tile for tile in tiles if tile.scale in kept]


def _scales(tiles: Sequence[Tile]) -> list[float]:
    """Return the scale of each pass, from the finest on."""
    return list(dict.fromkeys(tile.scale for tile in tiles))
