"""Deep-zoom pictures of fields of any size, stretched tile by tile as they are looked at.

A pyramid is a folder: the brightnesses of the field at full size and reduced by 2, 4, 8 ..., as
arrays that are mapped into memory, and ``picture.json``.  Rows are in the order of display.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ..imaging import Field, Stretch, apply_curve, scaled_bands
from ..imaging.large_field import LargeField
from ..imaging.prepare_large import prepare_large_field
from .sky_grid import SkyGrid, sky_grid

__all__ = ["TILE", "PictureInfo", "Pyramid", "write_pyramid"]

TILE = 256
"""Side of a tile in pixels, without the overlap."""

_OVERLAP = 1
_ROWS = 2048  # of a level that are halved at a time; even
_BRIGHTEST = 60_000  # that half-precision numbers hold, far above any white
_QUALITY = 92  # of JPEG
_IDENTITY = Stretch(kind="identity", black=0, linear=255, softening=0.01)


class PictureInfo(BaseModel):
    """Picture of a field."""

    width: int
    height: int
    origin: Literal["upper", "lower"]
    """Position of row 0 of the pixel coordinates of boxes."""
    linear: bool
    """Brightnesses are in units of the noise of the sky; False for a finished picture, 0 to 255."""
    black: float
    white: float
    softening: float
    """Stretch with which the detector saw the field."""
    pixel_scale: float | None
    """Arcseconds per pixel."""
    sky: SkyGrid | None
    """Sky coordinates; None without a WCS."""
    sha256: str
    """Checksum of the files."""
    notes: list[str]
    """Notes on the reading."""


def write_pyramid(opened: Field | LargeField, stretch: Stretch, folder: Path) -> PictureInfo:
    """Write the pyramid of a field, piece by piece if it is a large one.

    Parameters
    ----------
    opened : Field or LargeField
        The field, as `open_field` yields it.
    stretch : Stretch
        Stretch of the detector.
    folder : Path
        A new folder.

    Returns
    -------
    PictureInfo
    """
    folder.mkdir(parents=True)
    field = opened.outline if isinstance(opened, LargeField) else opened
    level = _write_level(folder, 0, (field.height, field.width), _displayed(opened, stretch))
    linear = level.dtype != np.uint8
    number = 0
    while max(level.shape[:2]) > TILE:
        number += 1
        half = -(-level.shape[0] // 2), -(-level.shape[1] // 2)
        level = _write_level(folder, number, half, _halves(level))
    if not linear:
        stretch = _IDENTITY
    info = PictureInfo(
        width=field.width,
        height=field.height,
        origin=field.origin,
        linear=linear,
        black=stretch.black,
        white=stretch.linear,
        softening=stretch.softening,
        pixel_scale=field.pixel_scale,
        sky=sky_grid(field),
        sha256=field.checksum,
        notes=list(field.notes),
    )
    (folder / "picture.json").write_text(info.model_dump_json(), encoding="utf-8")
    return info


def _displayed(opened: Field | LargeField, stretch: Stretch) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield rows of brightnesses as they are displayed, with the number of the first."""
    pieces: Iterable[tuple[int, NDArray[Any]]]
    if isinstance(opened, LargeField):
        field, prepared = opened.outline, prepare_large_field(opened, stretch)
        pieces = (
            (rows.start, prepared.brightnesses(rows, columns)) for rows, columns in opened.strips()
        )
    else:
        field, pieces = opened, [(0, scaled_bands(opened, stretch))]
    for start, bands in pieces:
        if field.origin == "lower":
            yield field.height - start - len(bands), bands[::-1]
        else:
            yield start, bands


def _halves(level: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield rows of a level reduced by 2, with the number of the first."""
    for start in range(0, len(level), _ROWS):
        yield start // 2, _halved(level[start : start + _ROWS])


class Pyramid:
    """Pyramid in a folder.

    Parameters
    ----------
    folder : Path
        As `write_pyramid` wrote it.

    Attributes
    ----------
    info : PictureInfo
        The picture.
    """

    def __init__(self, folder: Path) -> None:
        content = json.loads((folder / "picture.json").read_text(encoding="utf-8"))
        self.info = PictureInfo.model_validate(content)
        count = len(list(folder.glob("*.npy")))
        self._levels: list[NDArray[Any]] = [
            np.load(_level_file(folder, level), mmap_mode="r") for level in range(count)
        ]
        self.deepest = math.ceil(math.log2(max(self.info.width, self.info.height, 1)))

    def dzi(self) -> str:
        """Return the description of the picture in the Deep Zoom format."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" '
            f'Overlap="{_OVERLAP}" TileSize="{TILE}"><Size Width="{self.info.width}" '
            f'Height="{self.info.height}"/></Image>\n'
        )

    def tile(self, level: int, column: int, row: int, stretch: Stretch) -> bytes | None:
        """Return a tile as JPEG.

        Parameters
        ----------
        level : int
            Level of the Deep Zoom format: 0 is one pixel, `deepest` the full size.
        column, row : int
            Number of the tile.
        stretch : Stretch
            Gives black, white and softening.

        Returns
        -------
        bytes or None
            None if there is no such tile.
        """
        if not 0 <= level <= self.deepest:
            return None
        bands = self._reduced(self.deepest - level)
        height, width = bands.shape[:2]
        left, top = column * TILE, row * TILE
        if min(column, row) < 0 or left >= width or top >= height:
            return None
        piece = bands[
            max(0, top - _OVERLAP) : top + TILE + _OVERLAP,
            max(0, left - _OVERLAP) : left + TILE + _OVERLAP,
        ]
        return _jpeg(apply_curve(piece, stretch))

    def window(self, xmin: int, ymin: int, xmax: int, ymax: int) -> NDArray[np.uint8]:
        """Return a part of the field with the stretch of the detector.

        Parameters
        ----------
        xmin, ymin, xmax, ymax : int
            Pixel edges in the coordinates of the boxes, inside the field.

        Returns
        -------
        ndarray of uint8, shape (ymax - ymin, xmax - xmin, 3)
            RGB, rows as in the field.
        """
        bands = self._levels[0]
        if self.info.origin == "lower":
            bands = bands[::-1]
        return apply_curve(bands[ymin:ymax, xmin:xmax], self.stretch())

    def stretch(
        self,
        black: float | None = None,
        white: float | None = None,
        softening: float | None = None,
    ) -> Stretch:
        """Return a stretch, by default that of the detector.

        Parameters
        ----------
        black, white, softening : float, optional
            Brightness of black, of white without compression, and the compression of bright parts.
        """
        info = self.info
        return Stretch(
            black=info.black if black is None else black,
            linear=info.white if white is None else white,
            softening=info.softening if softening is None else softening,
        )

    def _reduced(self, halvings: int) -> NDArray[Any]:
        """Return the field reduced by a power of two."""
        if halvings < len(self._levels):
            return self._levels[halvings]
        bands: NDArray[Any] = np.asarray(self._levels[-1])
        for _ in range(halvings - len(self._levels) + 1):
            bands = _halved(bands)
        return bands


def _halved(bands: NDArray[Any]) -> NDArray[Any]:
    # A pixel stands for exactly two by two, so an odd side is continued by a pixel.
    height, width, count = bands.shape
    even = np.pad(bands, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    values = even if even.dtype == np.uint8 else even.astype(np.float32, copy=False)
    size = even.shape[1] // 2, even.shape[0] // 2
    reduced = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    halved: NDArray[Any] = reduced.reshape(size[1], size[0], count)
    return halved


def _write_level(
    folder: Path,
    level: int,
    size: tuple[int, int],
    pieces: Iterator[tuple[int, NDArray[Any]]],
) -> NDArray[Any]:
    """Write a level from pieces of its rows, and return it, mapped into memory."""
    first, bands = next(pieces)
    dtype = np.uint8 if bands.dtype == np.uint8 else np.float16
    written = np.lib.format.open_memmap(
        _level_file(folder, level), "w+", dtype, (*size, bands.shape[2])
    )
    for start, rows in chain([(first, bands)], pieces):
        limited = rows if dtype == np.uint8 else np.clip(rows, -_BRIGHTEST, _BRIGHTEST)
        written[start : start + len(rows)] = limited
    written.flush()
    return written


def _level_file(folder: Path, level: int) -> Path:
    return folder / f"level-{level:02d}.npy"


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        _QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)
    return encoded.tobytes()
