"""Pictures of galaxies: images with a galaxy at the centre, and crops of a run."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..classification.crops import central_box, central_crop, resize_crops
from ..datasets.image_reader import ImageReader, in_data_file
from ..errors import InputError
from ..files.file_types import check_regular
from ..files.picture_headers import picture_header, picture_is_whole
from ..imaging import longer_sides, read_field, to_display, to_rgb
from ..imaging.decode_picture import decode_picture
from ..imaging.text import paint_text
from .features import CropRule

__all__ = ["GalaxyCrop", "Picture", "read_crop", "read_for_display"]

_MOST_PIXELS = 2**26
_DISPLAYED_SIDE = 160


@dataclass(frozen=True, slots=True)
class Picture:
    """Picture of a galaxy.

    Attributes
    ----------
    id : str
        Identifier of the galaxy.
    file : str
        The image, as in `galpipe.read_field` or `~galpipe.datasets.image_reader.ImageReader`; or
        the crop that a run wrote.
    survey : str
        Survey or field to which it belongs.
    is_crop : bool
        Whether the file is a crop of a run, which is used whole.
    is_flipped : bool
        Whether that crop was written with its last row first.
    size : float
        Longer side of the box of the galaxy in pixels of its field; NaN if not yet measured.
    """

    id: str
    file: str
    survey: str
    is_crop: bool = False
    is_flipped: bool = False
    size: float = float("nan")


@dataclass(frozen=True, eq=False)
class GalaxyCrop:
    """Crop of a galaxy.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (S, S, 3)
        Rows as in the field.
    size : float
        Longer side of the box of the galaxy, pixels of the image.
    origin : {"upper", "lower"}
        Position of row 0 when displayed.
    notes : tuple of str
        Notes on the reading.
    """

    rgb: NDArray[np.uint8]
    size: float
    origin: Literal["upper", "lower"]
    notes: tuple[str, ...] = ()


def read_crop(
    picture: Picture, rule: CropRule, data_files: ImageReader | None = None
) -> GalaxyCrop:
    """Read a picture and crop its galaxy as ``galpipe classify`` or ``galpipe run`` does.

    Parameters
    ----------
    picture : Picture
    rule : CropRule
        Size, margin and stretch of the crop.
    data_files : ImageReader, optional
        Keeps data files open, for pictures in them.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    origin: Literal["upper", "lower"]
    if picture.is_crop:
        stored = _read_stored(Path(picture.file))
        rgb = np.ascontiguousarray(stored[::-1]) if picture.is_flipped else stored
        origin = "lower" if picture.is_flipped else "upper"
        return GalaxyCrop(resize_crops([rgb], rule.size)[0], picture.size, origin)
    notes: tuple[str, ...] = ()
    if in_data_file(Path(picture.file)):
        rgb, origin = _read_in_file(Path(picture.file), rule, data_files), "upper"
    else:
        field = read_field(picture.file)
        rgb, origin, notes = to_rgb(field, rule.stretch), field.origin, field.notes
    box = central_box(rgb)
    crop = central_crop(rgb, rule.size, rule.margin, box)
    return GalaxyCrop(crop, float(longer_sides(box[None])[0]), origin, notes)


def read_for_display(picture: Picture, rule: CropRule) -> NDArray[np.uint8]:
    """Read the crop of a galaxy to be looked at, with the top row of the picture first.

    Parameters
    ----------
    picture : Picture
    rule : CropRule
        Margin and stretch of the crop; its side is 160 pixels.

    Returns
    -------
    ndarray of uint8, shape (160, 160, 3)
        Grey, and says so, if the file can no longer be read.
    """
    try:
        crop = read_crop(picture, replace(rule, size=_DISPLAYED_SIDE))
    except InputError:
        blank = np.full((_DISPLAYED_SIDE, _DISPLAYED_SIDE, 3), 90, np.uint8)
        paint_text(blank, "cannot be read", 16, _DISPLAYED_SIDE // 2, 10, (255, 255, 255))
        return blank
    return to_display(crop.rgb, crop.origin)


def _read_in_file(path: Path, rule: CropRule, data_files: ImageReader | None) -> NDArray[np.uint8]:
    if data_files is not None:
        return data_files(path)
    with ImageReader(rule.stretch) as opened:
        return opened(path)


def _read_stored(path: Path) -> NDArray[np.uint8]:
    """Read a PNG file with the pixels as stored."""
    check_regular(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    header = picture_header(io.BytesIO(data), "png")
    pixels = None
    if (
        header is not None
        and header.width * header.height <= _MOST_PIXELS
        and picture_is_whole(data, "png")
    ):
        pixels = decode_picture(data, "png", header)
    if pixels is None or pixels.dtype != np.uint8 or pixels.shape[2:] != (3,):
        raise InputError(f"{path} is not a crop that galpipe run wrote. Run it again.")
    return np.ascontiguousarray(pixels)
