"""Detect the objects of a whole field: search the tiles of a pyramid, and merge the detections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..imaging import (
    Detections,
    PreparedField,
    Tile,
    area,
    clip,
    cut_tiles,
    longer_sides,
    plan_tiles,
    suppress,
    surrounding_tile,
    touches_inner_edge,
)
from ..imaging.background import smoothed_grey
from ..imaging.local_background import noise_scaled
from ..imaging.psf import point_sources
from .artefacts import drop_artefacts
from .base import BaseDetector
from .duplicates import drop_duplicates
from .refinement import Refinement, WholePicture

__all__ = [
    "accepted",
    "detect_field",
    "detect_prepared",
    "drop_false_boxes",
    "field_tiles",
    "hold_stars",
    "lowest_searched",
    "merged",
    "refine_detections",
    "search_field",
    "search_tiles",
]

# Pixels shared by neighbouring tiles, relative to a square one's side: a galaxy up to this size
# is complete in at least one tile; larger ones are complete at the next scale, which is a third
# of this one.
_OVERLAP = 0.5

# Up to 0.9 of that size a galaxy is certainly complete in a tile, even if its box is a few pixels
# too large.  A smaller box at a coarser scale is either detected better at the finer scale, or
# wrong: most often a close pair that is no longer resolved.
_COMPLETE = 0.9 * _OVERLAP

# In the tile that shows the surroundings of the field as well, only galaxies cut by the field are
# sought: at least this long, relative to the field, and reaching at least two of its edges to
# within a small margin.  All others are whole in another tile.
_FILLS_FIELD = 0.7
_CUT_EDGES = 2
_EDGE_MARGIN = 0.03

# Two boxes of one object, from different tiles, scales or classes, have a larger IoU; two objects
# that overlap on the sky have a smaller one.
_SAME_OBJECT_IOU = 0.45


def detect_field(
    rgb: NDArray[np.uint8],
    detector: BaseDetector,
    score_threshold: float | None = None,
    tiles: Sequence[Tile] | None = None,
) -> Detections:
    """Detect the objects of a field of any size.

    The field is searched at scales 1, 1/3, 1/9, ... until it fits one tile (see
    :func:`~galpipe.imaging.plan_tiles`), so that objects larger than a tile are detected as well
    as the smallest; the last tile shows the field with surroundings, for a galaxy that fills it.
    At the coarser scales, boxes that are complete in a tile of the finer scale are dropped, as are
    boxes cut by an inner tile edge: another tile contains the complete object.
    Boxes of different tiles are merged by IoU, not by the overlap with the smaller box, which would
    remove a small galaxy in front of a large one.  An object detected as several classes gets the
    class with the best score.  The refinement of the detector, if any, adjusts the edges and
    scores of all boxes that it could raise to the threshold.  Boxes on spikes of stars and on
    trails are dropped (see `~galpipe.detection.artefacts.drop_artefacts`).  Of several boxes that
    lead to one peak of light, the best is kept (see
    `~galpipe.detection.duplicates.drop_duplicates`).

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    detector : BaseDetector
    score_threshold : float, optional
        Lowest score kept; by default that of the detector.  At its `lowest_score` or below,
        detections whose score the refinement lowers are kept too.
    tiles : sequence of Tile, optional
        Tiles to search, from `field_tiles`; by default those of all scales.

    Returns
    -------
    Detections
        Boxes in pixels of the field (pixel edges, 0-based, half-open), best score first; its
        column ``tiles`` indexes `tiles`.
    """
    threshold = detector.score_threshold if score_threshold is None else score_threshold
    lowest = lowest_searched(detector, threshold)
    return accepted(rgb, search_field(rgb, detector, lowest, tiles), detector, threshold)


def lowest_searched(detector: BaseDetector, threshold: float) -> float:
    """Return the score down to which tiles are searched.

    Parameters
    ----------
    detector : BaseDetector
        The detector.
    threshold : float
        Lowest score kept at the end.
    """
    if detector.refinement is None:
        return threshold
    return min(threshold, max(detector.refinement.lowest(threshold), detector.lowest_score))


def accepted(
    rgb: NDArray[np.uint8],
    found: Detections,
    detector: BaseDetector,
    threshold: float,
    whole: WholePicture | None = None,
) -> Detections:
    """Refine what was found in a field, and drop what is then below the threshold or false.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    found : Detections
        From `search_field`.
    detector, threshold : BaseDetector, float
        As in `detect_field`.
    whole : WholePicture, optional
        The picture, if `rgb` is a window of it.

    Returns
    -------
    Detections
        Best score first.
    """
    if not len(found):
        return found
    grey = smoothed_grey(rgb)
    if detector.refinement is not None:
        found = refine_detections(grey, found, detector.refinement, whole)
        # An evaluation uses the lowest threshold and needs every detection, including those whose
        # score the refinement lowers.
        kept = (found.scores >= threshold) | (threshold <= detector.lowest_score)
        found = found.select(kept)
    return drop_false_boxes(grey, found)


def drop_false_boxes(grey: NDArray[np.float32], found: Detections) -> Detections:
    """Drop boxes on artefacts, and all but one of the boxes of each galaxy.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        The stretched field, from `~galpipe.imaging.background.smoothed_grey`.
    found : Detections
        Best score first.

    Returns
    -------
    Detections
        Best score first.
    """
    return drop_duplicates(grey, drop_artefacts(grey, found))


def search_field(
    rgb: NDArray[np.uint8],
    detector: BaseDetector,
    score_threshold: float,
    tiles: Sequence[Tile] | None = None,
) -> Detections:
    """Search the tiles of a field, without refinement; part of a galaxy may be boxed besides it.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field.
    detector : BaseDetector
    score_threshold : float
        Lowest score kept.
    tiles : sequence of Tile, optional
        As in `detect_field`.

    Returns
    -------
    Detections
        As from `detect_field`.
    """
    height, width = rgb.shape[:2]
    if tiles is None:
        tiles = field_tiles(width, height, detector.input_size, detector.window_step)
    return search_tiles(cut_tiles(rgb, tiles), tiles, (height, width), detector, score_threshold)


def search_tiles(
    cut: Iterable[tuple[Tile, NDArray[np.uint8]]],
    tiles: Sequence[Tile],
    shape: tuple[int, int],
    detector: BaseDetector,
    score_threshold: float,
) -> Detections:
    """Search the tiles of a field one after another, as `search_field` does.

    Parameters
    ----------
    cut : iterable of tuple
        The tiles in any order, each with its pixels.
    tiles : sequence of Tile
        The same tiles, from `field_tiles`.
    shape : tuple of int
        Height and width of the field.
    detector, score_threshold : BaseDetector, float
        As in `search_field`.

    Returns
    -------
    Detections
        As from `search_field`.
    """
    height, width = shape
    found = [Detections.empty()]
    smallest = _smallest_by_scale(tiles, detector.input_size)
    for tile, pixels in cut:
        if (pixels[0] == pixels[0, 0]).all() and (pixels == pixels[0, 0]).all():
            continue  # no data; networks see a galaxy that fills a white picture
        (detections,) = detector.detect_tiles(pixels[np.newaxis], score_threshold)
        boxes = clip(tile.to_field(detections.boxes), width, height)
        # A tile may extend beyond a small field; boxes entirely outside are dropped.
        kept = ~touches_inner_edge(tile, detections.boxes, width, height) & (area(boxes) > 0)
        kept &= longer_sides(boxes) >= smallest[tile.scale]
        if tile.surrounds:
            kept &= _fills_field(boxes, width, height)
        found.append(detections.with_boxes(boxes).with_tile(tile.index).select(kept))
    return merged(Detections.concatenate(found))


def detect_prepared(
    prepared: PreparedField,
    detector: BaseDetector,
    score_threshold: float | None = None,
    tiles: Sequence[Tile] | None = None,
) -> Detections:
    """Detect the objects of a prepared field.

    Parameters
    ----------
    prepared : PreparedField
        From `~galpipe.imaging.prepare_field`; it is searched at the sampling of its ``searched``.
    detector : BaseDetector
    score_threshold, tiles : optional
        As in `detect_field`.

    Returns
    -------
    Detections
        Boxes in pixels of the field, at its own sampling.  In a field of broader stars than the
        detector knows, boxes that hold a point source are left out.
    """
    if prepared.evened:
        # A galaxy that fills the picture would have left no sky to subtract, but what is left of
        # glare looks like one.
        height, width = prepared.searched.shape[:2]
        tiles = tiles or field_tiles(width, height, detector.input_size)
        tiles = [tile for tile in tiles if not tile.surrounds or len(tiles) == 1]
    found = detect_field(prepared.searched, detector, score_threshold, tiles)
    if prepared.sampling != 1:
        height, width = prepared.rgb.shape[:2]
        # The sides of the reduced field are whole pixels.
        sampling = np.divide(prepared.searched.shape[1::-1], (width, height))
        found = found.with_boxes(clip(found.boxes / np.tile(sampling, 2), width, height))
    return found.select(~hold_stars(prepared, found.boxes, detector.psf_range[1]))


def hold_stars(
    prepared: PreparedField, boxes: NDArray[np.float64], broadest: float
) -> NDArray[np.bool_]:
    """Tell which boxes hold a star, in fields of broader stars than the detector knows.

    Parameters
    ----------
    prepared : PreparedField
        The field.
    boxes : ndarray of float64, shape (N, 4)
        Pixels of the field.
    broadest : float
        Largest FWHM of stars that the detector knows, pixels.
    """
    psf, background = prepared.psf, prepared.background
    if psf is None or background is None or psf.fwhm <= broadest:
        return np.zeros(len(boxes), dtype=bool)
    return point_sources(noise_scaled(prepared.field, background), psf, boxes)


def refine_detections(
    grey: NDArray[np.float32],
    found: Detections,
    refinement: Refinement,
    whole: WholePicture | None = None,
) -> Detections:
    """Refine the detections of a field, and merge boxes that then coincide.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        The stretched field, from `~galpipe.imaging.background.smoothed_grey`.
    found : Detections
        Detections of the field, best score first.
    refinement : Refinement
    whole : WholePicture, optional
        The picture, if `grey` is a window of it.
    """
    return merged(refinement.refine(grey, found, whole))


def _fills_field(boxes: NDArray[np.float64], width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask of the boxes of galaxies that are about as large as the field or larger."""
    longest = max(width, height)
    margin = _EDGE_MARGIN * longest
    edges = np.hstack([boxes[:, :2] <= margin, boxes[:, 2:] >= np.array([width, height]) - margin])
    fills = longer_sides(boxes) >= _FILLS_FIELD * longest
    return np.asarray(fills & (edges.sum(axis=1) >= _CUT_EDGES))


def _smallest_by_scale(tiles: Sequence[Tile], size: int) -> dict[float, float]:
    """Return the smallest longer side of a box at each scale, in pixels of the field."""
    scales = [math.inf, *_scales(tiles)]
    return {scale: _COMPLETE * size / finer for finer, scale in itertools.pairwise(scales)}


def merged(found: Detections) -> Detections:
    """Merge the boxes of one object.

    Parameters
    ----------
    found : Detections
        Any order.

    Returns
    -------
    Detections
        Best score first.
    """
    return found.select(suppress(found.boxes, found.scores, _SAME_OBJECT_IOU))


def field_tiles(
    width: int,
    height: int,
    size: int,
    window_step: int | None = None,
    passes: int | None = None,
) -> list[Tile]:
    """Plan the tiles on which a field is searched.

    The last shows the field with its surroundings, for a galaxy that fills the field.  A field that
    is smaller than half a tile has surroundings in its only tile.

    Parameters
    ----------
    width, height : int
        Size of the field, in pixels.
    size : int
        Side of a square tile, in pixels.
    window_step : int, optional
        That of the detector, in pixels: tiles are windows of any size, with the same overlap.
    passes : int, optional
        Limit the search to this many pyramid levels (1, 1/3, 1/9, ...); by default all.

    Returns
    -------
    list of Tile
        Sorted by index.
    """
    tiles = plan_tiles(width, height, size, int(size * _OVERLAP), window_step)
    if 2 * max(width, height) > size:
        tiles.append(surrounding_tile(width, height, size, len(tiles)))
    kept = _scales(tiles)[:passes]
    return [tile for tile in tiles if tile.scale in kept]


def _scales(tiles: Sequence[Tile]) -> list[float]:
    """Return the scales of the pyramid, finest first."""
    return list(dict.fromkeys(tile.scale for tile in tiles))
