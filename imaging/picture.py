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
from .linear_picture import is_almost_black, is_linear, is_negative, measure_levels

__all__ = ["PICTURE_SUFFIXES", "Picture", "read_picture", "read_picture_size", "scaled_pixels"]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")

_HEAD = 64
_BITS_OF_DISPLAY = 8
_UPPER_LEFT, _LOWER_LEFT = 1, 4

# Floating-point pictures may exceed 0 (black) and 1 (white) a little after resampling.
_OVERSHOOT = 0.5
# Contrast that JPEG may add to a picture of one colour, in levels of 255.
_NO_CONTRAST = 2


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
        raise InputError(
            f"{path} is a damaged or truncated {kind.upper()} picture. Copy or download it again."
        )
    if header.begins_with_preview:
        raise InputError(
            f"{path} begins with a preview, as raw files of cameras (DNG, NEF, ARW) do. "
            f"{CONVERT_RAW}"
        )
    finished = header.bits <= _BITS_OF_DISPLAY
    check_size(path, header.width, header.height, bands=3, finished=finished)
    if len(data) < header.least_bytes:
        raise InputError(
            f"{path} declares {header.width} x {header.height} pixels, which its {len(data)} bytes "
            "cannot hold. It is damaged: copy or download it again."
        )
    decoded = decode_picture(data, kind, header)
    if decoded is None:
        raise InputError(
            f"{path} could not be decoded as {kind.upper()}: it is damaged or of a rare variety. "
            "Save it again as 8- or 16-bit PNG."
        )
    notes = _page_notes(header)
    if kind == "jpeg":
        notes += _damage_notes(decoded, header)
    origin: Literal["upper", "lower"] = "upper"
    if kind != "tiff":
        decoded = _turned(decoded, header.orientation)
    elif header.orientation == _LOWER_LEFT:
        origin = "lower"
    elif header.orientation != _UPPER_LEFT:
        notes += (
            f"its TIFF orientation {header.orientation} is not applied: boxes and pictures are of "
            "the array as stored",
        )
    planes, bad = _opaque(decoded)
    if planes.shape[2] not in (1, 3):
        raise InputError(
            f"{path} has {planes.shape[2]} channels. Save it as a grey or RGB picture."
        )
    pixels, further = scaled_pixels(planes, bad)
    pixels = np.ascontiguousarray(pixels)
    pixels[bad] = 0
    return Picture(pixels, bad, origin, notes + further)


def _page_notes(header: PictureHeader) -> tuple[str, ...]:
    if header.pages == 1:
        return ()
    name = "frames" if header.tags is None else "pages"
    return (f"only the first of its {header.pages} {name} is used",)


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


def _opaque(decoded: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the colours over black, and the pixels that are transparent."""
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


def scaled_pixels(
    planes: NDArray[Any], bad: NDArray[np.bool_]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return finished pixels in uint8 or uint16, linear ones in float32, and notes.

    Parameters
    ----------
    planes : ndarray, shape (H, W, C)
        Pixels as decoded.
    bad : ndarray of bool, shape (H, W)
        Pixels without data; those without a finite value are added.
    """
    kind = planes.dtype
    if kind == np.uint16 and planes.max() < 256:
        kind = np.dtype(np.uint8)
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, thus bad
        pixels = planes.astype(kind if kind == np.uint8 else np.float32, copy=False)
    if kind.kind == "f":
        bad |= ~np.isfinite(pixels).all(axis=2)
    if bad.all():
        return pixels, ()
    values = pixels[~bad] if bad.any() else pixels
    bands = [values[..., band] for band in range(planes.shape[2])]
    darkest = np.array([band.min() for band in bands])
    brightest = np.array([band.max() for band in bands])
    white = _white(kind, float(darkest.min()), float(brightest.max()))
    if white is None:
        return pixels, ("taken as fluxes, not as a finished picture, and stretched",)
    if (brightest - darkest).max() <= (_NO_CONTRAST if kind == np.uint8 else 0):
        share = 100 * float(darkest.mean()) / white
        note = f"it has no contrast: all pixels are at {share:.0f} % of white, so it shows nothing"
        return _finished(np.broadcast_to(darkest, pixels.shape).copy(), white), (note,)
    notes: tuple[str, ...] = ()
    levels = measure_levels(pixels, bad, white)
    if is_negative(levels):
        pixels = np.asarray(white - pixels, dtype=pixels.dtype)
        levels = measure_levels(pixels, bad, white)
        notes = ("it is a negative, with dark objects on a bright sky: it was inverted",)
    if kind != np.uint8 and is_linear(pixels, bad, white):
        return pixels, (*notes, "taken as linear, not as a finished picture, and stretched")
    if is_almost_black(levels):
        notes += (
            "it is almost black, so faint galaxies do not show; if it is a linear picture, save it "
            "with 16 bits or as FITS",
        )
    return _finished(pixels, white), notes


def _white(kind: np.dtype[Any], lowest: float, highest: float) -> float | None:
    """Return the value of white; None for values that are no convention of graphics programs."""
    if kind.kind == "u":
        return float(np.iinfo(kind).max)
    if kind.kind == "f" and lowest >= -_OVERSHOOT and highest <= 1 + _OVERSHOOT:
        return 1.0
    return None


def _finished(pixels: NDArray[Any], white: float) -> NDArray[Any]:
    if pixels.dtype == np.uint8:
        return pixels
    shares = np.clip(pixels / np.float32(white), 0, 1, dtype=np.float32)
    return np.asarray(np.rint(shares * np.float32(65535)), dtype=np.uint16)
