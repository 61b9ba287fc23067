"""Read a JPEG, PNG, WebP or TIFF picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import CONVERT_RAW, PICTURE_KINDS, Kind, check_regular, kind_of
from ..files.picture_headers import PictureHeader, picture_header, picture_is_whole
from .decode_jpeg import is_torn
from .decode_picture import decode_picture
from .field import check_size
from .picture_scale import scaled_pixels

__all__ = [
    "PICTURE_SUFFIXES",
    "Picture",
    "check_no_preview",
    "damaged_picture",
    "opaque",
    "page_notes",
    "read_picture",
    "read_picture_size",
    "stored_origin",
    "undecodable_picture",
]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")

_HEAD = 64
_BITS_OF_DISPLAY = 8
_UPPER_LEFT, _LOWER_LEFT = 1, 4


@dataclass(frozen=True, eq=False)
class Picture:
    """Content of a picture.

    Attributes
    ----------
    pixels : ndarray
        (H, W, 1) or (H, W, 3) RGB; uint8 or uint16 for a finished picture, float32 in arbitrary
        units of flux for a linear one.
    bad : ndarray
        (H, W), True where a pixel is NaN, infinite or fully transparent.
    origin : {"upper", "lower"}
        Position of row 0 when displayed.
    notes : tuple of str
        Notes for the user on the reading.
    """

    pixels: NDArray[Any]
    bad: NDArray[np.bool_]
    origin: Literal["upper", "lower"]
    notes: tuple[str, ...]

    @property
    def linear(self) -> bool:
        """The pixels are proportional to flux."""
        return self.pixels.dtype.kind == "f"


def read_picture_size(path: Path) -> tuple[int, int] | None:
    """Return the width and height of a picture, as `read_picture` reads it, from its header.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of int or None
        None if the file is no picture or has no valid header.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(_HEAD))
            header = picture_header(file, kind) if kind in PICTURE_KINDS else None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    return None if header is None else header.size


def read_picture(path: Path, data: bytes, kind: Kind) -> Picture:
    """Decode a picture.

    A JPEG, PNG or WebP is turned as its EXIF orientation says, as browsers and labelImg do.  A TIFF
    keeps the array as stored, as FITS does.  Transparent parts are blended with black, and a
    negative is inverted.

    Parameters
    ----------
    path : Path
        Path of the file, for messages.
    data : bytes
        Content of the file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Type of the file, by its first bytes.

    Returns
    -------
    Picture

    Raises
    ------
    InputError
        If the picture is damaged, truncated, too large, too small or of an unknown type.
    """
    header = picture_header(io.BytesIO(data), kind)
    if header is None or not picture_is_whole(data, kind):
        raise damaged_picture(path, kind)
    check_no_preview(path, header)
    finished = header.bits <= _BITS_OF_DISPLAY
    check_size(path, header.width, header.height, bands=3, finished=finished)
    if len(data) < header.least_bytes:
        raise InputError(
            f"{path} declares {header.width} x {header.height} pixels, which its {len(data)} bytes "
            "cannot hold. It is damaged: copy or download it again."
        )
    decoded = decode_picture(data, kind, header)
    if decoded is None:
        raise undecodable_picture(path, kind)
    notes = page_notes(header)
    if kind == "jpeg":
        notes += _damage_notes(decoded, header)
    if kind != "tiff":
        decoded = _turned(decoded, header.orientation)
    planes, bad = opaque(decoded)
    if planes.shape[2] not in (1, 3):
        raise InputError(
            f"{path} has {planes.shape[2]} channels. Save it as a grey or RGB picture."
        )
    pixels, further = scaled_pixels(planes, bad)
    pixels = np.ascontiguousarray(pixels)
    pixels[bad] = 0
    return Picture(pixels, bad, stored_origin(header), notes + further)


def damaged_picture(path: Path, kind: Kind) -> InputError:
    """Return the error about a picture that is damaged or truncated.

    Parameters
    ----------
    path : Path
        Path of the file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Type of the file.
    """
    return InputError(
        f"{path} is a damaged or truncated {kind.upper()} picture. Copy or download it again."
    )


def undecodable_picture(path: Path, kind: Kind) -> InputError:
    """Return the error about a picture that no decoder reads.

    Parameters
    ----------
    path : Path
        Path of the file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Type of the file.
    """
    return InputError(
        f"{path} could not be decoded as {kind.upper()}: it is damaged or of a rare variety. "
        "Save it again as 8- or 16-bit PNG or TIFF."
    )


def stored_origin(header: PictureHeader) -> Literal["upper", "lower"]:
    """Return the position of the first row of a picture as read, when displayed.

    Parameters
    ----------
    header : PictureHeader
        Its header; only of a TIFF are the rows read as they are stored.
    """
    return "lower" if header.tags is not None and header.orientation == _LOWER_LEFT else "upper"


def check_no_preview(path: Path, header: PictureHeader) -> None:
    """Raise an error for a raw file of a camera, whose first picture is a preview.

    Parameters
    ----------
    path : Path
        The file.
    header : PictureHeader
        Its header.

    Raises
    ------
    InputError
        If it begins with a preview; the message tells how to convert it.
    """
    if header.begins_with_preview:
        raise InputError(
            f"{path} begins with a preview, as raw files of cameras (DNG, NEF, ARW) do. "
            f"{CONVERT_RAW}"
        )


def page_notes(header: PictureHeader) -> tuple[str, ...]:
    """Return notes on further pages, and on an orientation that is not applied.

    Parameters
    ----------
    header : PictureHeader
        Header of the picture.
    """
    notes: tuple[str, ...] = ()
    if header.pages > 1:
        name = "frames" if header.tags is None else "pages"
        notes += (f"only the first of its {header.pages} {name} is used",)
    if header.tags is not None and header.orientation not in (_UPPER_LEFT, _LOWER_LEFT):
        notes += (
            f"its TIFF orientation {header.orientation} is not applied: boxes and pictures are of "
            "the array as stored",
        )
    return notes


def _damage_notes(decoded: NDArray[Any], header: PictureHeader) -> tuple[str, ...]:
    if header.components not in (1, 3):
        return ("it is a JPEG of four inks, in which damage is not recognised",)
    if is_torn(decoded, header.block):
        return ("its brightness or colour jumps within a row, as in a damaged JPEG: look at it",)
    return ()


def _turned(decoded: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a picture as displayed, with its first row at the top (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        decoded = decoded.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        decoded = decoded[::-1]
    if orientation in (2, 3, 6, 7):
        decoded = decoded[:, ::-1]
    return decoded


def opaque(decoded: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the colours over black, and the pixels that are transparent.

    Parameters
    ----------
    decoded : ndarray, shape (H, W) or (H, W, C)
        Pixels as decoded: grey or RGB, maybe with an opacity.
    """
    planes = decoded if decoded.ndim == 3 else decoded[..., np.newaxis]
    bad = np.zeros(planes.shape[:2], dtype=bool)
    if planes.shape[2] in (2, 4):
        alpha = planes[..., -1:]
        planes = planes[..., :-1]
        bad |= alpha[..., 0] == 0
        if planes.dtype.kind == "u" and (alpha != np.iinfo(planes.dtype).max).any():
            opacity = alpha.astype(np.float32) / np.iinfo(planes.dtype).max
            planes = np.rint(planes * opacity).astype(planes.dtype)
    return planes, bad
