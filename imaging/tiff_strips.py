"""Check the strips and tiles of a TIFF, whose damage the decoders pass over in silence."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["strips_are_whole"]

# Tags and values of TIFF 6.0
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORDER = 256, 257, 258, 259, 266
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_COUNTS = 322, 323, 324, 325
_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 5, 8, 32946, 32773
_SEPARATE = 2
# Most bytes that one byte can stand for.
_DENSEST = {_NONE: 1, _PACKBITS: 64, _LZW: 1400, _DEFLATE: 1040, _OLD_DEFLATE: 1040}
_CLEAR, _END, _FIRST = 256, 257, 258  # codes of LZW
_MOST_CODES = 4096 - _FIRST + 1  # after a clear code
# Writers clear the table when it is full, after 5,000 bytes, or when it does not help.
_FEW_CLEARS, _CODES_OF_A_CLEAR = 64, 256
# Entry n of the table is complete when code n + 1 has been read, and codes become wider one early.
_WIDTHS = np.searchsorted([511, 1023, 2047], np.arange(_MOST_CODES) + _FIRST - 1, "right") + 9
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)])


def strips_are_whole(data: bytes) -> bool:
    """Return whether the strips or tiles of the first page are in the file and decode to their end.

    Checks uncompressed strips by their size, deflate by its checksum, and LZW by its codes, which
    must end where the strip ends. Other compressions are not checked, nor big-endian BigTIFF.

    Parameters
    ----------
    data : bytes
        The file.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if data[:4] == b"MM\0\x2b":
        return True  # a variety of BigTIFF that Pillow does not know
    try:
        tags = ImageFileDirectory_v2(data[: 16 if data[2:3] == b"\x2b" else 8])
        stream = io.BytesIO(data)
        stream.seek(tags.next)
        tags.load(stream)
        compression = tags.get(_COMPRESSION, _NONE)
        turned = tags.get(_ORDER, 1) != 1
        for start, count, size in _strips(tags):
            strip = data[start : start + count]
            if len(strip) < count or size > count * _DENSEST.get(compression, size):
                return False
            if compression in (_DEFLATE, _OLD_DEFLATE) and not _is_whole_deflate(strip, size):
                return False
            if compression == _LZW and not turned and not _is_whole_lzw(strip, size):
                return False
    except Exception:
        # Pillow may raise any exception on a damaged directory.
        return False
    return True


def _strips(tags: Any) -> Iterator[tuple[int, int, int]]:
    """Yield the start and size in bytes of each strip or tile, and its size when decoded."""
    width, height = tags[_WIDTH], tags[_HEIGHT]
    tiled = _TILES in tags
    across, rows = (
        (tags[_TILE_WIDTH], tags[_TILE_HEIGHT])
        if tiled
        else (width, min(tags.get(_ROWS, height), height))
    )
    bits = tags.get(_BITS, (1,))
    planes = tags.get(_SAMPLES, 1)
    if tags.get(_PLANAR) == _SEPARATE:
        bits = bits[:1]
    else:
        planes = 1
    row = (across * sum(bits) + 7) // 8
    starts = tags[_TILES] if tiled else tags[_OFFSETS]
    counts = tags[_TILE_COUNTS] if tiled else tags[_COUNTS]
    down = -(-height // rows)
    number = planes * down * -(-width // across)
    if len(starts) < number or len(counts) < number:
        raise ValueError("strips are missing")
    for place in range(number):
        last = not tiled and place % down == down - 1
        size = row * (height - (down - 1) * rows if last else rows)
        yield starts[place], counts[place], size


def _is_whole_deflate(strip: bytes, size: int) -> bool:
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(strip, size + 1)
    except zlib.error:
        return False
    return len(content) == size and decoder.eof


def _is_whole_lzw(strip: bytes, size: int) -> bool:
    """Return whether LZW codes are valid, and end where a strip of this size does."""
    if strip[:2] == b"\0\1":
        return True  # the variety of before TIFF 6.0, in another order of bits
    bits = np.unpackbits(np.frombuffer(strip, np.uint8))
    place = decoded = 0
    for _ in range(_FEW_CLEARS + len(strip) // _CODES_OF_A_CLEAR):
        codes = _codes(bits, place)
        special = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        if not len(special):
            # Some writers leave out the end.
            return decoded + _length(codes) == size
        count = int(special[0])
        length = _length(codes[:count])
        if length < 0:
            return False
        decoded += length
        place += int(_STARTS[count + 1])
        if codes[count] == _END:
            return decoded == size and len(bits) - place < 16
        if decoded > size:
            break
    return False


def _codes(bits: NDArray[np.uint8], place: int) -> NDArray[np.int64]:
    """Return the codes from a clear code on, as many as may follow it."""
    left = len(bits) - place
    count = int(np.searchsorted(_STARTS, left, "right")) - 1
    codes = np.zeros(count, np.int64)
    for width in (9, 10, 11, 12):
        which = np.flatnonzero(_WIDTHS[:count] == width)
        if len(which):
            first = place + int(_STARTS[which[0]])
            rows = bits[first : first + width * len(which)].reshape(-1, width)
            codes[which] = rows @ (1 << np.arange(width - 1, -1, -1))
    return codes


def _length(codes: NDArray[np.int64]) -> int:
    """Return the number of bytes that codes after a clear code stand for; -1 if one is invalid."""
    number = np.arange(len(codes))
    before = codes - _FIRST
    if (before >= number).any() or (len(codes) and codes[0] >= _CLEAR):
        return -1
    # The string of a code is that of an earlier one and one byte more: follow them to a single
    # byte, twice as far in each step.
    parent = np.where(codes < _CLEAR, -1, before)
    lengths = np.ones(len(codes), np.int64)
    while (going := np.flatnonzero(parent >= 0)).size:
        lengths[going] += lengths[parent[going]]
        parent[going] = parent[parent[going]]
    return int(lengths.sum())
