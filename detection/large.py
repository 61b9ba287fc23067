"""Search a field too large for memory, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, Tile, cut_tiles
from ..imaging.crops import sky_colour, window
from ..imaging.large_field import mosaic
from ..imaging.prepare_large import PreparedLargeField
from .base import BaseDetector
from .predict import search_tiles

__all__ = ["ReducedPicture", "sample_picture", "search_large_field"]

_REDUCTION = 3  # of the picture in which coarser tiles are searched: the step of the pyramid
_ROUNDING = 1e-6


class ReducedPicture:
    """A picture of a field, reduced by a whole number.

    Parameters
    ----------
    prepared : PreparedLargeField
        The field.
    factor : int
        Pixels of the field per pixel.
    sample : ndarray of uint8, shape (h, w, 3)
        From `sample_picture`.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 1 or 3)
        One channel if the field is grey.
    sky : ndarray of uint8, shape (3,)
        Typical colour of the field.
    """

    def __init__(
        self, prepared: PreparedLargeField, factor: int, sample: NDArray[np.uint8]
    ) -> None:
        field = prepared.field
        self.factor = factor
        self._shape = field.height, field.width
        size = -(-field.height // factor), -(-field.width // factor)
        self.sky = sky_colour(sample)
        self.pixels: NDArray[np.uint8] = np.zeros((*size, field.pixels.shape[2]), np.uint8)

    def add(self, rgb: NDArray[np.uint8], rows: slice, columns: slice) -> None:
        """Draw a window, but the pixels at its edges that it does not cover.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (h, w, 3)
            The window.
        rows, columns : slice
            Its place in the field.
        """
        factor = self.factor
        own, inner, missing = [], [], []
        for part, length in zip((rows, columns), self._shape, strict=True):
            first = -(-part.start // factor)
            last = -(-part.stop // factor) if part.stop == length else part.stop // factor
            own.append(slice(first, last))
            inner.append(slice(first * factor - part.start, last * factor - part.start))
            missing.append(max(last * factor - length, 0))
        height, width = (part.stop - part.start for part in own)
        if min(height, width) < 1:
            return
        covered: Any = rgb[inner[0], inner[1]][..., : self.pixels.shape[2]]
        if any(missing):
            fill = self.sky[: covered.shape[2]].tolist()
            covered = cv2.copyMakeBorder(
                covered, 0, missing[0], 0, missing[1], cv2.BORDER_CONSTANT, value=fill
            )
        small = cv2.resize(covered, (width, height), interpolation=cv2.INTER_AREA)
        self.pixels[own[0], own[1]] = np.asarray(small).reshape(height, width, -1)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Return the picture in RGB, reduced once more.

        Parameters
        ----------
        factor : int
            Pixels of this picture per pixel.

        Returns
        -------
        ndarray of uint8, shape (h, w, 3)
        """
        pixels: Any = self.pixels
        height, width = (-(-side // factor) for side in pixels.shape[:2])
        if factor > 1:
            missing = height * factor - pixels.shape[0], width * factor - pixels.shape[1]
            pixels = cv2.copyMakeBorder(pixels, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        return _coloured(np.asarray(pixels, np.uint8).reshape(height, width, -1))


def sample_picture(prepared: PreparedLargeField) -> NDArray[np.uint8]:
    """Return the sample of a field as it is searched, its windows side by side.

    Parameters
    ----------
    prepared : PreparedLargeField
        The field.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
    """
    parts = [(place, prepared.window(*place).searched) for place in prepared.large.sample()]
    return mosaic([((columns.start, rows.start), rgb) for (rows, columns), rgb in parts])


def search_large_field(
    prepared: PreparedLargeField,
    detector: BaseDetector,
    score_threshold: float,
    tiles: Sequence[Tile],
    sample: NDArray[np.uint8],
) -> tuple[Detections, ReducedPicture]:
    """Search the tiles of a large field, each read when its turn comes.

    The tiles of full scale are those of a field in memory.  They are drawn into a reduced picture,
    in which the coarser ones are searched.

    Parameters
    ----------
    prepared : PreparedLargeField
        The field.
    detector : BaseDetector
        The detector.
    score_threshold : float
        Lowest score kept.
    tiles : sequence of Tile
        From `~galpipe.detection.predict.field_tiles`.
    sample : ndarray of uint8, shape (h, w, 3)
        From `sample_picture`.

    Returns
    -------
    found : Detections
        As from `~galpipe.detection.predict.search_field`.
    picture : ReducedPicture
        The whole field.
    """
    shape = prepared.field.height, prepared.field.width
    if prepared.picture_sky is not None:
        # What is left of glare looks like a galaxy that fills the picture.
        tiles = [tile for tile in tiles if not tile.surrounds or len(tiles) == 1]
    coarse = max((tile.scale for tile in tiles if tile.scale < 1), default=1.0)
    factor = min(max(int(1 / coarse + _ROUNDING), 1), _REDUCTION)
    picture = ReducedPicture(prepared, factor, sample)
    cut = _cut(prepared, picture, tiles)
    return search_tiles(cut, tiles, shape, detector, score_threshold), picture


def _cut(
    prepared: PreparedLargeField, picture: ReducedPicture, tiles: Sequence[Tile]
) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
    """Yield tiles with their pixels, the finest first."""
    height, width = prepared.field.height, prepared.field.width
    fine = [tile for tile in tiles if tile.scale == 1]
    for tile in fine:
        rows = slice(tile.y, min(tile.y + tile.height, height))
        columns = slice(tile.x, min(tile.x + tile.width, width))
        rgb = prepared.window(rows, columns).searched
        picture.add(rgb, rows, columns)
        yield tile, window(rgb, 0, 0, tile.width, tile.height, picture.sky)
    if not fine:
        for rows, columns in prepared.large.strips():
            # Strips that overlap leave no gap between whole pixels of the picture.
            rows = slice(rows.start, min(rows.stop + picture.factor, height))
            picture.add(prepared.window(rows, columns).searched, rows, columns)
    smaller: dict[int, NDArray[np.uint8]] = {}
    for tile in tiles:
        scale = tile.scale * picture.factor
        if tile.scale == 1:
            continue
        if abs(scale - 1) < _ROUNDING:
            place = tile.x, tile.y, tile.width, tile.height
            fill = picture.sky[: picture.pixels.shape[2]]
            yield tile, _coloured(window(picture.pixels, *place, fill))
            continue
        factor = _REDUCTION if scale * _REDUCTION < 1 + _ROUNDING else 1
        if factor not in smaller:
            smaller[factor] = picture.reduced(factor)
        for _, pixels in cut_tiles(smaller[factor], [replace(tile, scale=scale * factor)]):
            yield tile, pixels


def _coloured(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a picture of one or three channels in RGB."""
    if pixels.shape[2] == 3:
        return pixels
    return np.repeat(pixels, 3, axis=2)
