"""Read the headers of JPEG, PNG, WebP and TIFF pictures without decoding them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from .file_types import Kind

__all__ = ["PictureHeader", "picture_header", "picture_is_whole", "picture_size", "tiff_directory"]

_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_APP1 = 0xE1
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length after them
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15 without DHT, JPG, DAC
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})  # the frames that are not arithmetically coded
_DENSEST_DEFLATE = 1032  # bytes that one byte can stand for (zlib's technical details)
_EXIF = b"Exif\x00\x00"
_LARGEST_EXIF = 2**16

# Tags of TIFF 6.0, which EXIF uses too.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _ORIENTATION = 254, 256, 257, 258, 274
_REDUCED, _MASK = 1, 4  # bits of the former: a reduced copy of another page, a mask
_SUBPAGES = 330
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # of integers
_PLACE = -1  # instead of a tag: the position of the orientation in the file
_MOST_TAGS = 512
_MOST_PAGES = 1000
_MOST_VALUES = 2**22  # of a tag: strips of a picture


@dataclass(frozen=True)
class PictureHeader:
    """Header of a picture.

    Attributes
    ----------
    width, height : int
        Size in pixels as stored.
    orientation : int
        Position of the first row and column when displayed, 1 to 8 as in TIFF and EXIF; 1 is the
        upper left.
    pages : int
        Number of pages of a TIFF, and of frames of an animation.
    tags : dict of int to int
        Tags of the first page of a TIFF with their first value, if that is an integer.
    orientation_at : int or None
        Position of the orientation of a TIFF in the file.
    begins_with_preview : bool
        The first page of a TIFF is a reduced copy of another, as in raw files of cameras.
    components : int
        Number of channels of a JPEG.
    block : (int, int)
        Height and width in pixels of the blocks in which a JPEG is stored.
    bits : int
        Bits of a channel.
    least_bytes : int
        Size below which no file can hold the pixels; 0 if any can.
    """

    width: int
    height: int
    orientation: int = 1
    pages: int = 1
    tags: dict[int, int] | None = None
    orientation_at: int | None = None
    begins_with_preview: bool = False
    components: int = 0
    block: tuple[int, int] = (8, 8)
    bits: int = 8
    least_bytes: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as read: a TIFF as stored, others as displayed."""
        if self.tags is None and self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


def picture_header(stream: BinaryIO, kind: Kind) -> PictureHeader | None:
    """Read the header of a picture; None if it has none.

    Parameters
    ----------
    stream : binary file
        The picture.
    kind : {"jpeg", "png", "webp", "tiff"}
        Its type.
    """
    read = {"jpeg": _jpeg, "png": _png, "webp": _webp, "tiff": _tiff}[kind]
    try:
        return read(stream)
    except (struct.error, IndexError, KeyError, OverflowError, ValueError):
        return None


def picture_size(data: bytes, kind: Kind) -> tuple[int, int] | None:
    """Return the width and height of a picture as read; None if it has no header.

    Check it before decoding, as a small file can declare a picture larger than the memory.

    Parameters
    ----------
    data : bytes
        The file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Its type.
    """
    header = picture_header(io.BytesIO(data), kind)
    return None if header is None else header.size


def picture_is_whole(data: bytes, kind: Kind) -> bool:
    """Return whether a JPEG, PNG or WebP reaches its end; True for a TIFF, which has none.

    Decoders silently fill missing parts with grey.  The checksums of a PNG are verified, as libpng
    passes over errors in the last rows.

    Parameters
    ----------
    data : bytes
        The file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Its type.
    """
    if kind == "jpeg":
        return _jpeg_is_whole(data)
    if kind == "png":
        return _png_is_whole(data)
    if kind == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def tiff_directory(stream: BinaryIO) -> dict[int, tuple[int, ...]] | None:
    """Return the tags of the first page of a TIFF or BigTIFF that hold integers, with all values.

    Parameters
    ----------
    stream : binary file
        The picture.

    Returns
    -------
    dict of int to tuple of int, or None
        None if the directory is damaged.
    """
    try:
        tags = next(_tiff_pages(stream, _all_values))
    except (struct.error, IndexError, OverflowError, StopIteration, ValueError):
        return None
    return {tag: values for tag, values in tags.items() if tag != _PLACE}


def _tiff_pages(
    stream: BinaryIO, read: Callable[..., Any] | None = None
) -> Iterator[dict[int, Any]]:
    """Yield the tags of each page of a TIFF with their first value, if that is an integer."""
    read = read or _first_value
    head = _at(stream, 0, 16)
    order = "<" if head[:1] == b"I" else ">"
    big = struct.unpack(f"{order}H", head[2:4])[0] == 43
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
    count_form, step = ("Q", 20) if big else ("H", 12)
    seen: set[int] = set()
    while start and start not in seen and len(seen) < _MOST_PAGES:
        seen.add(start)
        (count,) = struct.unpack(
            order + count_form, _at(stream, start, struct.calcsize(count_form))
        )
        count = min(count, _MOST_TAGS)
        first = start + struct.calcsize(count_form)
        entries = _at(stream, first, count * step)
        tags = {}
        for index in range(count):
            entry = entries[index * step : (index + 1) * step]
            tag, form = struct.unpack_from(f"{order}HH", entry)
            if form in _TYPES:
                tags[tag] = read(stream, order, big, entry, _TYPES[form])
            if tag == _ORIENTATION:
                tags[_PLACE] = first + index * step + (12 if big else 8)
        yield tags
        stream.seek(first + count * step)
        following = stream.read(8 if big else 4)
        if len(following) < (8 if big else 4):
            return
        (start,) = struct.unpack(order + ("Q" if big else "I"), following)


def _first_value(stream: BinaryIO, order: str, big: bool, entry: bytes, form: str) -> int:
    return _values(stream, order, big, entry, form, 1)[0]


def _all_values(
    stream: BinaryIO, order: str, big: bool, entry: bytes, form: str
) -> tuple[int, ...]:
    return _values(stream, order, big, entry, form, _MOST_VALUES)


def _values(
    stream: BinaryIO, order: str, big: bool, entry: bytes, form: str, most: int
) -> tuple[int, ...]:
    place = order + ("Q" if big else "I")
    (count,) = struct.unpack_from(place, entry, 4)
    value = entry[12 if big else 8 :]
    size = struct.calcsize(order + form)
    read = min(count, most)
    if count * size > len(value):
        value = _at(stream, struct.unpack(place, value)[0], read * size)
    return struct.unpack_from(f"{order}{max(read, 1)}{form}", value)


def _tiff(stream: BinaryIO) -> PictureHeader:
    pages = 0
    first: dict[int, int] = {}
    for tags in _tiff_pages(stream):
        first = first or tags
        pages += not tags.get(_SUBFILE, 0) & (_REDUCED | _MASK)
    orientation = _valid(first.get(_ORIENTATION, 1))
    place = first.get(_PLACE)
    preview = bool(first.get(_SUBFILE, 0) & _REDUCED) and (pages > 0 or _SUBPAGES in first)
    return PictureHeader(
        first[_WIDTH],
        first[_HEIGHT],
        orientation,
        max(pages, 1),
        first,
        place,
        preview,
        bits=first.get(_BITS, 1),
    )


def _jpeg(stream: BinaryIO) -> PictureHeader | None:
    position, orientation = 2, 1
    while True:
        start = _at(stream, position, 9)
        if start[0] != 0xFF:
            return None
        marker = start[1]
        if marker == 0xFF:
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker in _FRAMES:
            height, width = struct.unpack(">HH", start[5:9])
            components = _at(stream, position + 9, 1)[0]
            sampling = _at(stream, position + 10, 3 * components)[1::3]
            block = 8 * max(s & 15 for s in sampling), 8 * max(s >> 4 for s in sampling)
            # A block of 8 x 8 pixels of the finest channel takes at least one bit.
            least = width * height // 512 if marker in _HUFFMAN else 0
            return PictureHeader(
                width,
                height,
                orientation,
                components=components,
                block=block,
                least_bytes=least,
            )
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        else:
            length = int.from_bytes(start[2:4], "big")
            if marker == _APP1 and orientation == 1:
                orientation = _exif_orientation(_at(stream, position + 4, max(length - 2, 0)))
            position += 2 + length


def _jpeg_is_whole(data: bytes) -> bool:
    # Markers inside segments, such as those of an EXIF thumbnail, do not count.
    position = 2
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return False
        marker = data[position + 1]
        if marker == _END_OF_IMAGE:
            return True
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            # inside a scan: a stuffed byte, padding, or a restart marker
            position += 1 if marker == 0xFF else 2
            continue
        if position + 4 > len(data):
            return False
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def _png(stream: BinaryIO) -> PictureHeader:
    width, height, bits, colours = struct.unpack(">IIBB", _at(stream, 16, 10))
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    least = height * (width * bits * channels // 8) // _DENSEST_DEFLATE
    orientation = frames = 1
    for name, content in _png_chunks(stream):
        if name == b"eXIf":
            orientation = _exif_orientation(content)
        elif name == b"acTL":
            frames = struct.unpack(">I", content[:4])[0]
    return PictureHeader(width, height, orientation, frames, bits=bits, least_bytes=least)


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the first bytes of each chunk."""
    size = stream.seek(0, io.SEEK_END)
    position = 8
    while position + 12 <= size:
        length, name = struct.unpack(">I4s", _at(stream, position, 8))
        yield name, b"" if name == b"IDAT" else stream.read(min(length, _LARGEST_EXIF))
        if name == b"IEND":
            return
        position += 12 + length


def _png_is_whole(data: bytes) -> bool:
    view, position = memoryview(data), 8
    while position + 12 <= len(data):
        length = int.from_bytes(view[position : position + 4], "big")
        name, end = data[position + 4 : position + 8], position + 8 + length
        checksum = int.from_bytes(view[end : end + 4], "big")
        # Chunks whose name begins with a small letter are not needed to show the picture.
        if name[:1].isupper() and zlib.crc32(view[position + 4 : end]) != checksum:
            return False
        if name == b"IEND":
            return True
        position = end + 4
    return False


def _webp(stream: BinaryIO) -> PictureHeader | None:
    """Read a WebP, a RIFF file (RFC 9649)."""
    size: tuple[int, int] | None = None
    orientation, frames = 1, 0
    end = 8 + int.from_bytes(_at(stream, 4, 4), "little")
    position = 12
    while position + 8 <= end:
        stream.seek(position)
        head = stream.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        if name == b"VP8X":
            content = _at(stream, position + 8, 10)
            width, height = (int.from_bytes(content[i : i + 3], "little") for i in (4, 7))
            size = width + 1, height + 1
        elif name == b"VP8L" and size is None:
            (bits,) = struct.unpack("<I", _at(stream, position + 9, 4))
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif name == b"VP8 " and size is None:
            width, height = struct.unpack("<HH", _at(stream, position + 14, 4))
            size = width & 0x3FFF, height & 0x3FFF
        elif name == b"EXIF":
            orientation = _exif_orientation(stream.read(min(length, _LARGEST_EXIF)))
        frames += name == b"ANMF"
        position += 8 + length + length % 2
    return None if size is None else PictureHeader(*size, orientation, max(frames, 1))


def _exif_orientation(content: bytes) -> int:
    try:
        pages = _tiff_pages(io.BytesIO(content.removeprefix(_EXIF)))
        return _valid(next(pages)[_ORIENTATION])
    except (struct.error, IndexError, KeyError, StopIteration, OverflowError, ValueError):
        return 1


def _valid(orientation: int) -> int:
    return orientation if 1 <= orientation <= 8 else 1


def _at(stream: BinaryIO, position: int, size: int) -> bytes:
    """Return bytes of a file; struct.error if it ends before."""
    stream.seek(position)
    content = stream.read(size)
    if len(content) < size:
        raise struct.error("the file ends")
    return content
