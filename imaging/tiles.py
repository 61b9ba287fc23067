"""Cut fields of any size into tiles for a detector."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .boxes import as_boxes
from .crops import sky_colour, window

__all__ = ["Tile", "cut_tiles", "plan_tiles", "surrounding_tile", "touches_inner_edge"]

_TOUCH = 2.0  # tile pixels; a box that ends this close to an edge counts as cut by it
# Ratio of the scales of passes.  With 2, rendered frames give the same metrics at 1.15 times the
# work; with 4, the boxes of galaxies of 128 pixels and more are less accurate.
_REDUCTION = 3
_FINER = 1.5  # minimum scale of a pass relative to the last, in which the field fits one tile
_ROUNDING = 1e-6
# Pixels of the largest window: a network needs about 160 MB per million of them.
_LARGEST_WINDOW = 2**21
# Around a field, the light at its edges fades by a factor of e in so many tiles.
_FADING = 0.1
_BLUR = 0.04


@dataclass(frozen=True)
class Tile:
    """A rectangular piece of a field, at the scale of one pass.

    Attributes
    ----------
    index : int
        Index in the plan.
    scale : float
        Tile pixels per field pixel: 1 for the finest pass.
    x, y : int
        Left and top edge, pixels of the rescaled field.
    width, height : int
        Size in pixels.
    """

    index: int
    scale: float
    x: int
    y: int
    width: int
    height: int

    @property
    def surrounds(self) -> bool:
        """True for a `surrounding_tile`."""
        return self.x < 0 or self.y < 0

    def to_field(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Convert boxes from pixels of the tile to pixels of the field.

        Parameters
        ----------
        boxes : array_like, shape (N, 4)
            Pixel edges, 0-based, half-open.
        """
        return (as_boxes(boxes) + self._corner()) / self.scale

    def from_field(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Convert boxes from pixels of the field to pixels of the tile.

        Parameters
        ----------
        boxes : array_like, shape (N, 4)
            Pixel edges, 0-based, half-open.
        """
        return as_boxes(boxes) * self.scale - self._corner()

    def _corner(self) -> NDArray[np.float64]:
        return np.array([self.x, self.y, self.x, self.y], dtype=np.float64)


def plan_tiles(
    width: int, height: int, tile_size: int, overlap: int, window_step: int | None = None
) -> list[Tile]:
    """Plan the passes over a field.

    The first pass is at full scale, each further pass at a third of the previous scale, and in the
    last the field fits one tile.  A pass less than 1.5 times finer than the last is omitted, so a
    field shorter than 1.5 tiles has one pass.

    The tiles of a pass are squares or, for a network that takes windows of other sizes, the few
    large windows in which the fewest pixels are searched; the last tile is a square always.

    Parameters
    ----------
    width, height : int
        Size of the field, pixels.
    tile_size : int
        Side of a tile, pixels.
    overlap : int
        Minimum overlap of neighbouring tiles, tile pixels; objects up to this size are complete in
        at least one tile of a pass.
    window_step : int, optional
        Sides of windows are multiples of this, pixels; by default all tiles are squares.

    Returns
    -------
    list of Tile
        Pass by pass, row by row.

    Raises
    ------
    ValueError
        If the overlap is negative or not smaller than the tile.

    Examples
    --------
    >>> [(tile.scale, tile.x, tile.y) for tile in plan_tiles(900, 500, 512, 256)]
    [(1.0, 0, 0), (1.0, 194, 0), (1.0, 388, 0), (0.5688888888888889, 0, 0)]
    >>> [(tile.scale, tile.width, tile.height) for tile in plan_tiles(900, 500, 512, 256, 64)]
    [(1.0, 960, 512), (0.5688888888888889, 512, 512)]
    """
    if not 0 <= overlap < tile_size:
        raise ValueError(
            f"overlap is {overlap}; it must be from 0 to below the tile size, {tile_size}"
        )
    tiles: list[Tile] = []
    longest, reduction = max(width, height), 1
    while longest >= _FINER * tile_size * reduction:
        scale = 1 / reduction
        sides = math.ceil(width * scale), math.ceil(height * scale)
        size = (tile_size, tile_size)
        if window_step is not None:
            size = _window_size(*sides, tile_size, overlap, window_step)
        across, down = (_starts(side, own, overlap) for side, own in zip(sides, size, strict=True))
        for y in down:
            tiles += [Tile(len(tiles) + i, scale, x, y, *size) for i, x in enumerate(across)]
        reduction *= _REDUCTION
    tiles.append(Tile(len(tiles), min(1.0, tile_size / longest), 0, 0, tile_size, tile_size))
    return tiles


def _window_size(
    width: int, height: int, tile_size: int, overlap: int, step: int
) -> tuple[int, int]:
    """Return the size of the equal windows that cover a pass with the fewest pixels."""
    best, least = (tile_size, tile_size), math.inf
    counts = [_counts(length, overlap, step) for length in (width, height)]
    for columns, rows in itertools.product(*counts):
        size = _side(width, columns, overlap, step), _side(height, rows, overlap, step)
        pixels = size[0] * size[1]
        if pixels <= _LARGEST_WINDOW and columns * rows * pixels < least:
            best, least = size, columns * rows * pixels
    return best


def _counts(length: int, overlap: int, step: int) -> range:
    """Return the numbers of windows along a side that are worth trying, fewest first.

    With more windows, more than half of each would be overlap.
    """
    return range(1, max(length // max(2 * overlap, step), 1) + 1)


def _side(length: int, count: int, overlap: int, step: int) -> int:
    return step * math.ceil((length + (count - 1) * overlap) / (count * step))


def surrounding_tile(width: int, height: int, tile_size: int, index: int) -> Tile:
    """Return a tile that shows the whole field in its middle, with surroundings on all sides.

    A galaxy larger than the field looks there like any other galaxy.

    Parameters
    ----------
    width, height : int
        Size of the field, pixels.
    tile_size : int
        Side of the tile, pixels.
    index : int
        Index of the tile in the plan.

    Returns
    -------
    Tile
        The longer side of the field is half of the tile's.
    """
    scale = tile_size / (2 * max(width, height))
    x, y = (round(side * scale - tile_size) // 2 for side in (width, height))
    return Tile(index, scale, x, y, tile_size, tile_size)


def cut_tiles(
    rgb: NDArray[np.uint8], tiles: Sequence[Tile]
) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
    """Cut tiles out of an image, one at a time.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The whole field.
    tiles : sequence of Tile
        From `plan_tiles` for a field of this size.

    Yields
    ------
    tile : Tile
    pixels : ndarray of uint8, shape (height, width, 3)
        Averaged over the area of each tile pixel; pixels outside the field have the colour of the
        sky, in a `surrounding_tile` that of the edges of the field, fading to the sky.
    """
    sky = sky_colour(rgb)
    for tile in tiles:
        if tile.surrounds:
            yield tile, _surrounded(rgb, tile)
            continue
        # Scales are 1/3**n or size / longest side, so these are whole pixels.
        left, top, width, height = (
            round(value / tile.scale) for value in (tile.x, tile.y, tile.width, tile.height)
        )
        pixels = window(rgb, left, top, width, height, sky)
        if tile.scale != 1:
            shrunk = cv2.resize(pixels, (tile.width, tile.height), interpolation=cv2.INTER_AREA)
            pixels = np.asarray(shrunk, np.uint8)
        yield tile, pixels


def _surrounded(rgb: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
    """Draw a field in the middle of a tile, without a step at its edges."""
    height, width = (max(round(side * tile.scale), 1) for side in rgb.shape[:2])
    shrunk = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    margins = -tile.y, tile.height - height + tile.y, -tile.x, tile.width - width + tile.x
    edges = cv2.copyMakeBorder(shrunk, *margins, cv2.BORDER_REPLICATE)
    outside = np.ones((tile.height, tile.width), np.uint8)
    outside[-tile.y : height - tile.y, -tile.x : width - tile.x] = 0
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[..., np.newaxis]
    # Near the field its edges, further off their blurred continuation.
    blur = _BLUR * tile.width
    blurred = cv2.GaussianBlur(edges, (0, 0), blur)
    light = edges + np.minimum(distance / blur, 1) * (blurred.astype(np.float32) - edges)
    dark = np.percentile(shrunk, 5, axis=(0, 1))
    faded = dark + np.exp(-distance / (_FADING * tile.width)) * (light - dark)
    return np.clip(np.rint(np.where(distance > 0, faded, edges)), 0, 255).astype(np.uint8)


def touches_inner_edge(tile: Tile, boxes: ArrayLike, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask of the boxes cut by an edge of a tile inside the field.

    Parameters
    ----------
    tile : Tile
    boxes : array_like, shape (N, 4)
        Pixel edges in the tile, 0-based, half-open.
    width, height : int
        Size of the field, pixels.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    array = as_boxes(boxes)
    end_x, end_y = tile.x + tile.width, tile.y + tile.height
    right, bottom = width * tile.scale - _ROUNDING, height * tile.scale - _ROUNDING
    is_inner = np.array([tile.x > 0, tile.y > 0, end_x < right, end_y < bottom])
    near = np.hstack(
        [array[:, :2] <= _TOUCH, array[:, 2:] >= np.array([tile.width, tile.height]) - _TOUCH]
    )
    return np.asarray((near & is_inner).any(axis=1))


def _starts(length: int, size: int, overlap: int) -> list[int]:
    if length <= size:
        return [0]
    count = math.ceil((length - overlap) / (size - overlap))
    return [round(start) for start in np.linspace(0, length - size, count)]
