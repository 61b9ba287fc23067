"""Read a JPEG, PNG or TIFF picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import (
    Kind,
    check_regular,
    jpeg_is_whole,
    kind_of,
    picture_size,
    png_is_whole,
)
from .field import check_size

__all__ = ["PICTURE_SUFFIXES", "read_picture", "read_picture_size"]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")

_HEAD = 2**20  # bytes that contain the size, unless a larger thumbnail precedes it

_WHOLE = {"jpeg": jpeg_is_whole, "png": png_is_whole}


def read_picture_size(path: Path) -> tuple[int, int] | None:
    """Return the width and height in the header of a picture; None if there are none.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    kind = kind_of(head)
    return picture_size(head, kind) if kind in ("jpeg", "png", "tiff") else None


def read_picture(
    path: Path, data: bytes, kind: Kind
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...]]:
    """Decode a picture.

    The EXIF orientation is ignored, as boxes are in pixels of the array.  Transparent parts are
    blended with black.

    Parameters
    ----------
    path : Path
        Path of the file, for messages.
    data : bytes
        Content of the file.
    kind : {"jpeg", "png", "tiff"}
        Type of the file, by its first bytes.

    Returns
    -------
    pixels : ndarray
        (H, W, 1) or (H, W, 3) RGB; uint8, uint16, or float32 for a TIFF of fluxes.
    bad : ndarray
        (H, W), True where a pixel is NaN, infinite or fully transparent.
    notes : tuple of str
        Notes for the user on the reading.

    Raises
    ------
    InputError
        If the picture is damaged, truncated, too large, too small or of an unknown type.
    """
    size = picture_size(data, kind)
    whole = _WHOLE.get(kind, lambda _: True)(data)
    if size is None or not whole:
        raise InputError(
            f"{path} is a damaged or truncated {kind.upper()} picture. Copy or download it again."
        )
    check_size(path, *size)
    decoded = _decode(data)
    if decoded is None or decoded.shape[:2] != (size[1], size[0]):
        raise InputError(
            f"{path} could not be decoded as {kind.upper()}: it is damaged or of a rare variety. "
            "Save it again as 8- or 16-bit PNG."
        )
    return _normalise(path, decoded)


# OpenCV 5 has moved these functions out of its main module.
_logging = getattr(cv2.utils, "logging", cv2)


def _decode(data: bytes) -> NDArray[Any] | None:
    level = _logging.getLogLevel()
    _logging.setLogLevel(0)  # the messages of the decoders do not name the file
    try:
        return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError):
        return None
    finally:
        _logging.setLogLevel(level)


def _normalise(
    path: Path, decoded: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...]]:
    planes = decoded if decoded.ndim == 3 else decoded[..., None]
    bad = np.zeros(planes.shape[:2], dtype=bool)
    if planes.shape[2] in (2, 4):
        alpha = planes[..., -1]
        bad |= alpha == 0
        planes = _over_black(planes[..., :-1], alpha)
    if planes.shape[2] == 3:
        planes = planes[..., ::-1]
    elif planes.shape[2] != 1:
        raise InputError(
            f"{path} has {planes.shape[2]} channels. Save it as a grey or RGB picture."
        )
    if planes.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(planes), bad, ()
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, thus bad
        fluxes = np.ascontiguousarray(planes, dtype=np.float32)
    finite = np.isfinite(fluxes).all(axis=2)
    bad |= ~finite
    fluxes[~finite] = 0
    if planes.dtype.kind == "f" and fluxes.min() >= 0 and fluxes.max() <= 1:
        # convention of graphics programs: 0 is black and 1 is white
        return np.rint(fluxes * 65535).astype(np.uint16), bad, ()
    return fluxes, bad, ("taken as fluxes, not as a finished picture, and stretched",)


def _over_black(colours: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    if colours.dtype.kind != "u":
        return colours
    full = np.iinfo(colours.dtype).max
    if (alpha == full).all():
        return colours
    opacity = alpha[..., None].astype(np.float32) / full
    return np.rint(colours * opacity).astype(colours.dtype)
