"""Cut crops with the linear pixels of a field, and write them as FITS files."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import __version__
from ..files.atomic import atomic_path
from .boxes import overlap
from .crops import pixel_square
from .field import Band, Field
from .sky import quiet_astropy

__all__ = ["crop_field", "crop_pixels", "framed_crop", "write_fits_crop"]

_COLOURS = ("red", "green", "blue")


def crop_field(field: Field, box: ArrayLike, margin: float, identifier: str) -> Field:
    """Cut the square around a box out of a field, with its pixels, bands and WCS.

    Parameters
    ----------
    field : Field
        The field.
    box : array_like, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    margin : float
        Side of the square relative to the longer side of the box.
    identifier : str
        Name of the crop.

    Returns
    -------
    Field
        The same pixels as those of `cut_crop`; those beyond the edges of the field are bad.  It
        has no WCS if the field is a window of lower sampling.
    """
    square = pixel_square(box, margin)
    return framed_crop(field, square, *crop_pixels(field, square), identifier)


def crop_pixels(
    field: Field, square: tuple[int, int, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Cut the pixels of a square out of a field.

    Parameters
    ----------
    field : Field
        The field.
    square : tuple of int
        Column and row of the first pixel, which may be outside the field, and the side, as
        `pixel_square` returns them.

    Returns
    -------
    pixels : ndarray, shape (side, side, C)
        The pixels; 0 beyond the edges of the field.
    bad : ndarray of bool, shape (side, side)
        The bad ones, and those beyond the edges.
    """
    x, y, side = square
    in_field, in_crop = overlap((x, y, x + side, y + side), field.pixels.shape)
    pixels = np.zeros((side, side, field.pixels.shape[2]), field.pixels.dtype)
    bad = np.ones((side, side), bool)
    pixels[in_crop], bad[in_crop] = field.pixels[in_field], field.bad[in_field]
    return pixels, bad


def framed_crop(
    field: Field,
    square: tuple[int, int, int],
    pixels: NDArray[Any],
    bad: NDArray[np.bool_],
    identifier: str,
) -> Field:
    """Return the crop of a square of a field, of which the pixels were cut.

    Parameters
    ----------
    field : Field
        The field; its pixels are not used.
    square : tuple of int
        As in `crop_pixels`.
    pixels, bad : ndarray
        As `crop_pixels` returns them.
    identifier : str
        Name of the crop.

    Returns
    -------
    Field
        As `crop_field` returns it.
    """
    x, y, side = square
    wcs = None
    if field.wcs is not None and field.step == (1, 1):
        left, top = (int(place) for place in field.corner)
        wcs = _shifted(field.wcs, x + left, y + top, side)
    return replace(
        field,
        pixels=pixels,
        bad=bad,
        wcs=wcs,
        identifier=identifier,
        notes=(),
        corner=(0, 0),
        step=(1, 1),
    )


def write_fits_crop(path: str | Path, crop: Field) -> Path:
    """Write a crop as a FITS file atomically.

    A crop of one band is the primary image; of three, each is an image extension named after its
    filter.  Bad pixels are NaN.

    Parameters
    ----------
    path : str or Path
        The file.
    crop : Field
        As `crop_field` returns it.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from astropy.io import fits

    target = Path(path)
    content = io.BytesIO()
    with quiet_astropy():
        # Lookup tables of distortions are HDUs of their own.
        solution = None if crop.wcs is None else crop.wcs.to_fits(relax=True, key=" ")
        headers = [_header(crop, band, solution) for band in _named(crop.bands)]
        planes = np.moveaxis(np.where(crop.bad[..., np.newaxis], np.nan, crop.pixels), 2, 0)
        planes = planes.astype(np.float32)
        hdus = fits.HDUList()
        if len(headers) == 1:
            hdus.append(fits.PrimaryHDU(planes[0], headers[0]))
        else:
            hdus.append(fits.PrimaryHDU())
            for plane, header in zip(planes, headers, strict=True):
                hdus.append(fits.ImageHDU(plane, header, name=header["FILTER"]))
        hdus[0].header["OBJECT"] = crop.identifier
        hdus[0].header["CREATOR"] = f"galpipe {__version__}"
        hdus += [] if solution is None else solution[1:]
        for hdu in hdus:
            # By default the comment is the time, and the same crop would be another file.
            hdu.add_checksum(when="ASCII checksum")
        hdus.writeto(content)
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.getvalue())
    return target


def _named(bands: tuple[Band, ...]) -> list[Band]:
    """Return the bands with the names that they have in the catalogue."""
    if len(bands) == 1:
        return list(bands)
    return [
        band if band.name else replace(band, name=colour)
        for band, colour in zip(bands, _COLOURS, strict=True)
    ]


def _header(crop: Field, band: Band, solution: Any | None) -> Any:
    from astropy.io import fits

    header = fits.Header() if solution is None else solution[0].header.copy()
    cards = {
        "FILTER": (band.name, "filter"),
        "BUNIT": (band.unit, "unit of the pixels"),
        "MAGZERO": (band.zero_point, "magnitude of one unit"),
        "GAIN": (band.gain, "electrons per unit"),
        "SATURATE": (band.saturation, "level of saturation"),
        "ROWORDER": ("TOP-DOWN" if crop.origin == "upper" else None, "of a picture"),
    }
    header.update({key: card for key, card in cards.items() if card[0] not in (None, "")})
    return header


def _shifted(wcs: Any, x: int, y: int, side: int) -> Any:
    """Return the world coordinates of a part of an image; unlike `WCS.slice`, beyond it too."""
    from astropy.wcs import Sip

    start = np.array([x, y], np.float64)
    part = wcs.deepcopy()
    part.wcs.crpix = wcs.wcs.crpix - start
    if wcs.sip is not None:
        sip = wcs.sip
        part.sip = Sip(sip.a, sip.b, sip.ap, sip.bp, sip.crpix - start)
    for table in (part.cpdis1, part.cpdis2, part.det2im1, part.det2im2):
        if table is not None:
            table.crval = tuple(np.asarray(table.crval) - start)
    part.pixel_shape = (side, side)
    return part
