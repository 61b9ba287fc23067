"""Read windows of a TIFF or BigTIFF, strip by strip or tile by tile."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from ..files.picture_headers import PictureHeader, picture_header, tiff_directory
from .decode_picture import decode_picture, with_directory
from .field import NotInWindowsError, check_side
from .picture import check_no_preview, damaged_picture, undecodable_picture
from .row_cache import RowCache

__all__ = ["open_tiff_windows"]

# Tags and values of TIFF 6.0
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORDER, _OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PLANAR = 266, 273, 277, 278, 279, 284
_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_COUNTS = 317, 322, 323, 324, 325
_EXTRA, _FORMAT = 338, 339
_KEPT = (_BITS, _COMPRESSION, _PHOTOMETRIC, _ORDER, _SAMPLES, _PLANAR, _PREDICTOR, _EXTRA, _FORMAT)
_NONE = 1
_DECODED = (_NONE, 5, 8, 32946, 32773)  # none, LZW, deflate, old deflate, PackBits
_COLOURS = (0, 1, 2)  # white is zero, black is zero, RGB
_SEPARATE = 2
_LARGEST_BLOCK = 2**26  # bytes of a strip or tile as decoded


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Strips or tiles of the first page."""

    path: Path
    stream: BinaryIO
    tags: dict[int, tuple[int, ...]]
    size: tuple[int, int]
    block: tuple[int, int]

    @property
    def tiled(self) -> bool:
        return _TILES in self.tags

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return the pixels of a window, shape (h, w) or (h, w, C)."""
        (height, width), (high, wide) = self.size, self.block
        down = range(rows.start // high, -(-rows.stop // high))
        across = range(columns.start // wide, -(-columns.stop // wide))
        top, left = down.start * high, across.start * wide
        sides = min(down.stop * high, height) - top, min(across.stop * wide, width) - left
        pixels = self._decoded(down, across, sides)
        part = (rows, top), (columns, left)
        return pixels[tuple(slice(one.start - start, one.stop - start) for one, start in part)]

    def _decoded(self, down: range, across: range, sides: tuple[int, int]) -> NDArray[Any]:
        """Decode some of the blocks as a small TIFF of their own."""
        starts = self.tags[_TILES if self.tiled else _OFFSETS]
        counts = self.tags[_TILE_COUNTS if self.tiled else _COUNTS]
        (height, width), (high, wide) = self.size, self.block
        of_plane, in_row = -(-height // high) * -(-width // wide), -(-width // wide)
        separate = self.tags.get(_PLANAR, (1,))[0] == _SEPARATE
        planes = self.tags.get(_SAMPLES, (1,))[0] if separate else 1
        content = bytearray(b"II*\0" if self.stream_order == b"II" else b"MM\0*") + bytes(4)
        places, sizes = [], []
        for plane in range(planes):
            for row in down:
                for column in across:
                    number = plane * of_plane + row * in_row + column
                    if number >= min(len(starts), len(counts)):
                        raise undecodable_picture(self.path, "tiff")
                    self.stream.seek(starts[number])
                    block = self.stream.read(counts[number])
                    if len(block) < counts[number]:
                        raise undecodable_picture(self.path, "tiff")
                    places.append(len(content))
                    sizes.append(len(block))
                    content += block + bytes(len(block) % 2)
        tags = {tag: self.tags[tag] for tag in _KEPT if tag in self.tags}
        tags |= {_HEIGHT: sides[:1], _WIDTH: sides[1:]}
        if self.tiled:
            tags |= {_TILE_HEIGHT: (high,), _TILE_WIDTH: (wide,)}
            tags |= {_TILES: tuple(places), _TILE_COUNTS: tuple(sizes)}
        else:
            tags |= {_ROWS: (high,), _OFFSETS: tuple(places), _COUNTS: tuple(sizes)}
        small = with_directory(bytes(content), tags)
        header = picture_header(io.BytesIO(small), "tiff")
        pixels = None if header is None else decode_picture(small, "tiff", header)
        if pixels is None:
            raise undecodable_picture(self.path, "tiff")
        return pixels

    @property
    def stream_order(self) -> bytes:
        """Order of bytes: ``II`` or ``MM``."""
        self.stream.seek(0)
        return self.stream.read(2)


@contextmanager
def open_tiff_windows(
    path: Path,
) -> Iterator[tuple[PictureHeader, Callable[[slice, slice], NDArray[Any]]]]:
    """Open a TIFF or BigTIFF, of which windows are then read.

    The strips or tiles of a window are decoded as a TIFF of their own, with the same checks and
    decoders as a whole file.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    header : PictureHeader
        Its header.
    read : callable
        Returns some rows and columns as stored, shape (h, w) or (h, w, C).

    Raises
    ------
    InputError
        If the file is damaged.
    NotInWindowsError
        If it is stored in a way that no window can be read of.
    """
    with path.open("rb") as stream:
        header = picture_header(stream, "tiff")
        tags = None if header is None else tiff_directory(stream)
        if header is None or tags is None:
            raise damaged_picture(path, "tiff")
        check_no_preview(path, header)
        check_side(path, header.width, header.height)
        _by_rows(tags, header)
        blocks = _Blocks(path, stream, tags, (header.height, header.width), _block(tags, header))
        if blocks.tiled:
            yield header, blocks.read
        else:
            yield (
                header,
                RowCache(
                    lambda start, stop: blocks.read(slice(start, stop), slice(0, header.width)),
                    header.height,
                    blocks.block[0],
                ),
            )


def _by_rows(tags: dict[int, tuple[int, ...]], header: PictureHeader) -> None:
    """Make strips of one row each of uncompressed strips, which are often a whole picture."""
    high = min(tags.get(_ROWS, (header.height,))[0], header.height)
    if _TILES in tags or tags.get(_COMPRESSION, (_NONE,))[0] != _NONE or high <= 1:
        return
    bits = tags.get(_BITS, (1,))
    separate = tags.get(_PLANAR, (1,))[0] == _SEPARATE
    row = (header.width * (bits[0] if separate else sum(bits)) + 7) // 8
    planes = tags.get(_SAMPLES, (1,))[0] if separate else 1
    down = -(-header.height // high)
    starts = []
    for plane in range(planes):
        strips = tags.get(_OFFSETS, ())[plane * down : (plane + 1) * down]
        lines = [start + line * row for start in strips for line in range(high)]
        starts += lines[: header.height]
    tags |= {_ROWS: (1,), _OFFSETS: tuple(starts), _COUNTS: (row,) * len(starts)}


def _block(tags: dict[int, tuple[int, ...]], header: PictureHeader) -> tuple[int, int]:
    """Return height and width of a strip or tile."""
    compression = tags.get(_COMPRESSION, (_NONE,))[0]
    if compression not in _DECODED or tags.get(_PHOTOMETRIC, (1,))[0] not in _COLOURS:
        raise NotInWindowsError("it is a TIFF of a rare variety")
    if _TILES in tags:
        high, wide = tags.get(_TILE_HEIGHT, (0,))[0], tags.get(_TILE_WIDTH, (0,))[0]
    else:
        high, wide = min(tags.get(_ROWS, (header.height,))[0], header.height), header.width
    pixel = sum(tags.get(_BITS, (1,))) / 8
    if min(high, wide) < 1 or high * wide * pixel > _LARGEST_BLOCK:
        raise NotInWindowsError("it is a TIFF without small strips or tiles")
    return high, wide
