"""Pieces of a large field in which its objects are refined and measured."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, PreparedField, clip, longer_sides
from ..imaging import area as box_area
from ..imaging.background import smoothed_grey
from ..imaging.boxes import intersection
from ..imaging.prepare_large import PreparedLargeField, prepare_large_field
from ..imaging.reduced_field import ReducedWindows, reduced_field
from .base import BaseDetector
from .large import ReducedPicture, sample_picture, search_large_field
from .predict import accepted, field_tiles, hold_stars, lowest_searched
from .refinement import WholePicture

__all__ = ["LargeSearch", "Piece"]

# Objects up to this size, in pixels, are handled together by squares of the field; the margin
# around a square holds their surroundings, of three times their size.
_SMALL, _SQUARE, _MARGIN = 128, 1024, 320
# Larger ones have a window of their own, of four times their size; the largest are measured on a
# field that is reduced by a power of this factor.
_LARGE, _FACTOR = 640, 4
_REACH, _BORDER = 2.0, 8
_TOUCH = 0.5  # of an object: others this close to its box are refined with it
_LEAST = 16  # pixels: smaller objects do not show in a reduced field

_Window: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Piece:
    """Objects of a field with the window in which they are measured.

    Attributes
    ----------
    prepared : PreparedField
        The window.
    found : Detections
        The objects, in pixels of the window.
    others : ndarray of float64, shape (M, 4)
        Boxes of other objects, in pixels of the window.
    factor : ndarray of float64, shape (4,)
        Pixels of the field per pixel of the window, along x and y, twice.
    corner : tuple of int
        Column and row of the first pixel of the window.
    """

    prepared: PreparedField
    found: Detections
    others: NDArray[np.float64]
    factor: NDArray[np.float64]
    corner: tuple[int, int]

    def in_field(self) -> Detections:
        """Return the objects in pixels of the field."""
        moved = self.found.boxes + np.array(self.corner * 2, np.float64)
        return self.found.with_boxes(moved * self.factor)


class _Level:
    """A field at some sampling, with the sky and noise of its picture.

    Without a reduction it is the prepared field, else that field reduced by a whole number.
    """

    def __init__(
        self, prepared: PreparedLargeField, sample: NDArray[np.uint8], reduction: int = 1
    ) -> None:
        self._windows: PreparedLargeField | ReducedWindows = prepared
        self._field = prepared.field
        if reduction > 1:
            self._windows = reduced = ReducedWindows(prepared, 1 / reduction)
            self._field = reduced.outline
        shape = self._field.height, self._field.width
        picture = WholePicture.of(smoothed_grey(sample), prepared.field.bad.shape)
        self.picture = replace(picture, height=shape[0], width=shape[1], factor=reduction)
        self.factor = np.array(self._field.step * 2, np.float64)

    def read(self, window: _Window) -> PreparedField:
        """Return a window, prepared."""
        return self._windows.window(*window)

    def window(self, rows: tuple[float, float], columns: tuple[float, float]) -> _Window:
        """Return the window between some edges, as far as it is inside the field."""
        height, width = self._field.height, self._field.width
        return (
            slice(max(math.floor(rows[0]), 0), min(math.ceil(rows[1]), height)),
            slice(max(math.floor(columns[0]), 0), min(math.ceil(columns[1]), width)),
        )

    def around(self, area: NDArray[np.float64]) -> _Window:
        """Return the window that shows a part of the field, in pixels of the field."""
        left, top, right, bottom = (area / self.factor).tolist()
        return self.window((top, bottom), (left, right))

    def in_window(self, boxes: NDArray[np.float64], window: _Window) -> NDArray[np.float64]:
        """Convert boxes from pixels of the field to those of a window."""
        corner = np.array([window[1].start, window[0].start] * 2, np.float64)
        return np.asarray(boxes / self.factor - corner)

    def in_field(self, boxes: NDArray[np.float64], window: _Window) -> NDArray[np.float64]:
        """Convert boxes from pixels of a window to those of the field."""
        corner = np.array([window[1].start, window[0].start] * 2, np.float64)
        return np.asarray((boxes + corner) * self.factor)


class LargeSearch:
    """Search of a large field, and the pieces in which its objects are refined and measured.

    Parameters
    ----------
    prepared : PreparedLargeField
        The field.
    detector : BaseDetector
        The detector.
    score_threshold : float, optional
        Lowest score kept; by default that of the detector.
    crop_margin : float
        Side of the crops that are cut from pieces, relative to the longer side of a box.

    Attributes
    ----------
    picture : ReducedPicture
        The field as it was searched.
    scales : list of float
        Scale of each tile.
    """

    picture: ReducedPicture
    scales: list[float]

    def __init__(
        self,
        prepared: PreparedLargeField,
        detector: BaseDetector,
        score_threshold: float | None = None,
        crop_margin: float = 1.0,
    ) -> None:
        self._reach = max(_REACH, crop_margin)
        self._margin = max(_MARGIN, math.ceil(crop_margin * _SMALL))
        self._detector = detector
        threshold = detector.score_threshold if score_threshold is None else score_threshold
        self._threshold = threshold
        self._prepared = prepared
        self._sample = sample = sample_picture(prepared)
        self._levels = {1: _Level(prepared, sample)}
        searched, self._searched = prepared, self._levels[1]
        if prepared.sampling < 1:
            reduced = reduced_field(prepared, prepared.sampling)
            searched = prepare_large_field(reduced, prepared.stretch)
            sample = sample_picture(searched)
            self._searched = _Level(searched, sample)
        size = searched.field
        tiles = field_tiles(size.width, size.height, detector.input_size, detector.window_step)
        self.scales = [tile.scale * prepared.sampling for tile in tiles]
        lowest = lowest_searched(detector, threshold)
        found, self.picture = search_large_field(searched, detector, lowest, tiles, sample)
        # Windows of large objects need as much.
        detector.release_memory()
        # In pixels of the field, as all that follows; the best first.
        self._found = found.with_boxes(found.boxes * self._searched.factor)
        self._size = prepared.field.width, prepared.field.height
        self._sides = longer_sides(self._found.boxes)
        self._middles = (self._found.boxes[:, :2] + self._found.boxes[:, 2:]) / 2
        # Boxes that are not dropped, those that are refined, and the boxes as far as refined.
        self._alive = np.ones(len(found), dtype=bool)
        self._final = np.zeros(len(found), dtype=bool)
        self._boxes = self._found.boxes.copy()

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces, that of the largest object first.

        Parts of an object that are boxed besides it are dropped with its piece.
        """
        full = self._levels[1]
        order = np.argsort(-self._sides, kind="stable")
        for row in order[self._sides[order] > _SMALL].tolist():
            if self._alive[row]:
                level, window = self._surroundings(row)
                yield from self._piece(level, window, np.array([row]))
        squares: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in np.flatnonzero(self._alive & (self._sides <= _SMALL)).tolist():
            column, line = (self._middles[row] // _SQUARE).astype(int).tolist()
            squares[line, column].append(row)
        for square, rows in sorted(squares.items()):
            edges = [(n * _SQUARE - self._margin, (n + 1) * _SQUARE + self._margin) for n in square]
            yield from self._piece(full, full.window(edges[0], edges[1]), np.array(rows))

    def _surroundings(self, row: int) -> tuple[_Level, _Window]:
        """Return the sampling at which an object is measured, and its window there."""
        power = max(math.ceil(math.log(self._sides[row] / _LARGE, _FACTOR)), 0)
        level = self._level(_FACTOR**power)
        box = self._found.boxes[row] / level.factor
        reach = self._reach * float((box[2:] - box[:2]).max()) + _BORDER
        x, y = (box[:2] + box[2:]) / 2
        return level, level.window((y - reach, y + reach), (x - reach, x + reach))

    def _level(self, factor: int) -> _Level:
        """Return the field reduced by a factor."""
        if factor not in self._levels:
            self._levels[factor] = _Level(self._prepared, self._sample, factor)
        return self._levels[factor]

    def _piece(self, level: _Level, window: _Window, own: NDArray[np.int64]) -> Iterator[Piece]:
        """Refine objects in a window, and yield those that are left of them."""
        rows, columns = window
        sides = columns.stop - columns.start, rows.stop - rows.start
        area = level.in_field(np.array([0.0, 0.0, *sides]), window)
        boxes = self._found.boxes
        inside = (boxes[:, :2] >= area[:2] - 1).all(axis=1)
        inside &= (boxes[:, 2:] <= area[2:] + 1).all(axis=1)
        inside &= self._alive
        alone = len(own) == 1 and self._sides[own[0]] > _SMALL
        if alone:
            # What is far from the object does not change it.
            touch = _TOUCH * self._sides[own[0]] * np.array([-1, -1, 1, 1])
            around = boxes[own[0]] + touch
            inside &= intersection(around[np.newaxis], boxes)[0] > 0
            if level is not self._levels[1]:
                inside &= self._sides >= _LEAST * level.factor.max()
        inside[own] = True
        chosen = np.flatnonzero(inside)
        prepared = level.read(window)
        searched, place, rgb = level, window, prepared.searched
        if level is self._levels[1] and self._searched is not level:
            searched = self._searched
            place = searched.around(area)
            rgb = searched.read(place).searched
        kept = self._accepted(searched, place, rgb, chosen)
        mine = np.isin(kept.tiles, own)
        if alone and mine.any():
            without = self._accepted(searched, place, rgb, np.setdiff1d(chosen, own))
            self._alive[np.setdiff1d(without.tiles, kept.tiles)] = False
        kept = kept.with_boxes(clip(kept.boxes, *self._size))
        self._alive[np.setdiff1d(own, kept.tiles[mine])] = False
        if not mine.any():
            return
        local = level.in_window(kept.boxes, window)
        mine[mine] = ~hold_stars(prepared, local[mine], self._detector.psf_range[1])
        self._alive[np.setdiff1d(own, kept.tiles[mine])] = False
        left = kept.tiles[mine]
        if not len(left):
            return
        others = level.in_window(self._boxes_near(area, chosen, own), window)
        found = kept.select(mine).with_boxes(local[mine])
        self._boxes[left] = kept.boxes[mine]
        self._final[left] = True
        yield Piece(
            prepared,
            replace(found, tiles=self._found.tiles[left]),
            np.concatenate([local[~mine], others]),
            level.factor,
            (columns.start, rows.start),
        )

    def _accepted(
        self, level: _Level, window: _Window, rgb: NDArray[np.uint8], rows: NDArray[np.int64]
    ) -> Detections:
        """Refine some objects in a window; return them in the field, their rows as tiles."""
        height, width = rgb.shape[:2]
        found = self._found.select(rows)
        boxes = clip(level.in_window(found.boxes, window), width, height)
        found = replace(found, boxes=boxes, tiles=rows).select(box_area(boxes) > 0)
        whole = replace(level.picture, left=window[1].start, top=window[0].start)
        kept = accepted(rgb, found, self._detector, self._threshold, whole)
        return kept.with_boxes(level.in_field(kept.boxes, window))

    def _boxes_near(
        self, area: NDArray[np.float64], chosen: NDArray[np.int64], own: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the boxes of other objects in a part of the field."""
        middles = self._middles
        near = ((middles >= area[:2]) & (middles < area[2:])).all(axis=1) & self._alive
        near &= self._final | (self._found.scores >= self._threshold)
        near[chosen] = False
        near[own] = False
        return self._boxes[near]
