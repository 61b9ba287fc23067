"""Decode JPEG, PNG, WebP and TIFF pictures with OpenCV and Pillow."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files.file_types import Kind
from ..files.picture_headers import PictureHeader
from .decode_jpeg import decode_jpeg
from .tiff_strips import strips_are_whole

__all__ = ["decode_picture", "with_directory"]

# Tags of TIFF 6.0
_BITS, _PHOTOMETRIC, _OFFSETS, _SAMPLES, _COUNTS, _PLANAR = 258, 262, 273, 277, 279, 284
_TILES, _TILE_COUNTS, _FORMAT = 324, 325, 339
# Width, height, compression, order of bits, rows of a strip, predictor, sides of a tile.
_KEPT = (256, 257, 259, 266, 278, 317, 322, 323)
_LONG = 4
_MIN_IS_WHITE, _MIN_IS_BLACK = 0, 1
_SEPARATE = 2

# OpenCV 5 has moved these functions out of its main module.
_logging = getattr(cv2.utils, "logging", cv2)


def decode_picture(data: bytes, kind: Kind, header: PictureHeader) -> NDArray[Any] | None:
    """Decode the first page of a picture as stored, without turning it.

    OpenCV decodes most pictures, faster and with all their bits, but passes over damage of JPEG and
    TIFF in silence: a JPEG is decoded with the warnings of libjpeg-turbo, and the strips of a TIFF
    are checked first.  Pillow decodes the varieties of TIFF of at most 12 bits, of which OpenCV
    misreads some, and animations.

    Parameters
    ----------
    data : bytes
        The file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Its type.
    header : PictureHeader
        Its header.

    Returns
    -------
    ndarray or None
        (H, W) or (H, W, C) with C = 1 to 4: grey, grey and alpha, RGB, or RGB and alpha.  None if
        the picture is damaged or of a variety that neither program decodes.
    """
    if kind == "jpeg" and header.components in (1, 3):
        pixels = decode_jpeg(data, header.components)
        return pixels if _is_expected(pixels, header) else None
    if kind != "tiff":
        for decode in (_with_opencv, _with_pillow):
            pixels = decode(data, kind)
            if _is_expected(pixels, header):
                return pixels
        return None
    if not strips_are_whole(data):
        return None
    tags = header.tags or {}
    bits = tags.get(_BITS, 1)
    data = _without_orientation(data, header)
    decoders: tuple[Callable[[bytes, Kind], NDArray[Any] | None], ...]
    if bits <= 12:
        decoders = _with_pillow, _with_opencv
    elif tags.get(_PLANAR) == _SEPARATE and tags.get(_SAMPLES, 1) > 1:
        decoders = (_planes_with_opencv,)
    else:
        decoders = _with_opencv, _with_pillow
    for decode in decoders:
        pixels = decode(data, kind)
        if pixels is not None and _is_expected(pixels, header, max(bits, 8)):
            if bits > 8 and tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE and pixels.dtype.kind == "u":
                # Both programs leave these as stored.
                pixels = np.asarray((1 << bits) - 1 - pixels.astype(np.int64), pixels.dtype)
            return pixels
    return None


def _is_expected(pixels: NDArray[Any] | None, header: PictureHeader, bits: int = 0) -> bool:
    """Return whether pixels have the size of the header, and at least a number of bits."""
    return (
        pixels is not None
        and pixels.shape[:2] == (header.height, header.width)
        and 8 * pixels.dtype.itemsize >= bits
    )


def _with_opencv(data: bytes, kind: Kind) -> NDArray[Any] | None:
    level = _logging.getLogLevel()
    _logging.setLogLevel(0)  # the messages of the decoders do not name the file
    try:
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError):
        return None
    finally:
        _logging.setLogLevel(level)
    if pixels is None or pixels.ndim == 2:
        return pixels
    return pixels[..., ::-1] if pixels.shape[2] == 3 else pixels[..., [2, 1, 0, 3]]


def _with_pillow(data: bytes, kind: Kind) -> NDArray[Any] | None:
    # Imported here because few pictures need it.
    from PIL import Image

    try:
        # Pillow's limit of the size is lower than ours, which has been checked.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[kind.upper()]) as picture:
                return np.array(picture.convert(_mode(picture.mode, picture.info)))
    except Exception:
        # Pillow may raise any exception on a damaged file.
        return None


def _mode(mode: str, info: Mapping[Any, Any]) -> str:
    """Return the mode without palettes, bits and inks of a picture's mode."""
    if mode in ("L", "LA", "RGB", "RGBA", "F", "I") or mode.startswith("I;16"):
        return mode
    if mode == "1":
        return "L"
    if mode in ("La", "PA", "RGBa") or "transparency" in info:
        return "RGBA"
    return "RGB"


def _without_orientation(data: bytes, header: PictureHeader) -> bytes:
    """Return a TIFF with the orientation 1, as the decoders turn others."""
    place = header.orientation_at
    if header.orientation == 1 or place is None:
        return data
    one = b"\x01\x00" if data[:1] == b"I" else b"\x00\x01"
    return data[:place] + one + data[place + 2 :]


def _planes_with_opencv(data: bytes, kind: Kind) -> NDArray[Any] | None:
    """Decode a TIFF whose bands are stored one after the other, which OpenCV mixes up.

    Each band is decoded as a grey picture, by a directory of its own.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        stored = ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(stored.next)
        stored.load(stream)
        offsets, counts = (_OFFSETS, _COUNTS) if _OFFSETS in stored else (_TILES, _TILE_COUNTS)
        strips = len(stored[offsets]) // stored[_SAMPLES]
        planes = []
        for band in range(stored[_SAMPLES]):
            tags = {tag: [stored[tag]] for tag in _KEPT if tag in stored}
            tags |= {tag: [stored[tag][band]] for tag in (_BITS, _FORMAT) if tag in stored}
            tags |= {_PHOTOMETRIC: [_MIN_IS_BLACK], _SAMPLES: [1]}
            for tag in (offsets, counts):
                tags[tag] = stored[tag][band * strips : (band + 1) * strips]
            plane = _with_opencv(with_directory(data, tags), kind)
            if plane is None:
                return None
            planes.append(plane)
        return np.stack(planes, axis=2)
    except Exception:
        # Pillow may raise any exception on a damaged directory.
        return None


def with_directory(data: bytes, tags: Mapping[int, Sequence[int]]) -> bytes:
    """Return a TIFF that begins with another directory; all its values are of type LONG.

    Parameters
    ----------
    data : bytes
        The file; not a BigTIFF.
    tags : mapping of int to sequence of int
        Tags of the directory with their values.
    """
    order = "<" if data[:1] == b"I" else ">"
    content = bytearray(data)
    entries = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            content += bytes(len(content) % 2)
            where = struct.pack(f"{order}I", len(content))
            content += packed
            packed = where
        entries += struct.pack(f"{order}HHI", tag, _LONG, len(values)) + packed
    content += bytes(len(content) % 2)
    content[4:8] = struct.pack(f"{order}I", len(content))
    content += struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return bytes(content)
