"""Detect file types by content, and check pictures without decoding them."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import Literal

from ..errors import InputError

__all__ = ["Kind", "check_regular", "jpeg_is_whole", "kind_of", "picture_size", "png_is_whole"]

Kind = Literal["fits", "gzip", "bzip2", "jpeg", "png", "tiff", "text", "unknown"]

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"SIMPLE  =", "fits"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)

_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length after them
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15 without DHT, JPG, DAC
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_TIFF_SIZES = {3: "H", 4: "I", 16: "Q"}


def check_regular(path: Path) -> int:
    """Return the size of a regular file in bytes, without opening it.

    Opening a pipe waits until another program writes to it, and a device may never end.

    Parameters
    ----------
    path : Path
        The file, or a link to it.

    Raises
    ------
    InputError
        If there is no such file, or it is a folder, pipe, socket or device.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise InputError(f"Cannot read {path}: there is no such file.") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise InputError(
            f"Cannot read {path}: it is {kind}. Give a regular file; save the data to one first."
        )
    return status.st_size


def kind_of(head: bytes) -> Kind:
    """Return the type of a file.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 64 are enough.
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return "text" if head and printable >= 0.95 * len(head) else "unknown"


def picture_size(data: bytes, kind: Kind) -> tuple[int, int] | None:
    """Return the width and height in the header of a picture; None if there are none.

    Check it before decoding, as a small file can declare a picture larger than the memory.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.
    kind : {"jpeg", "png", "tiff"}
        Its type.
    """
    try:
        if kind == "png":
            width, height = struct.unpack(">II", data[16:24])
            return width, height
        return _jpeg_size(data) if kind == "jpeg" else _tiff_size(data)
    except (struct.error, IndexError):
        return None


def jpeg_is_whole(data: bytes) -> bool:
    """Return whether a JPEG reaches its end-of-image marker.

    Decoders silently fill missing parts with grey.  Markers inside segments, such as those of an
    EXIF thumbnail, do not count.

    Parameters
    ----------
    data : bytes
        The file.
    """
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


def png_is_whole(data: bytes) -> bool:
    """Return whether a PNG has all its chunks, up to the closing one.

    Parameters
    ----------
    data : bytes
        The file.
    """
    position = 8
    while position + 12 <= len(data):
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker in _FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:1] == b"I" else ">"
    big = data[2 if order == "<" else 3] == 43
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    first, step, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    found: dict[int, int] = {}
    for index in range(min(count, 4096)):
        entry = first + index * step
        tag, form = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257) and form in _TIFF_SIZES:
            (found[tag],) = struct.unpack_from(order + _TIFF_SIZES[form], data, entry + value)
    return (found[256], found[257]) if len(found) == 2 else None
