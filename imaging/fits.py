"""Read the images of a FITS file: pixels, bad pixels, bands and world coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import Kind
from .bands import header_value, is_photographic, linear_fluxes, read_band
from .bayer import bayer_pattern
from .field import Band, check_size
from .fits_hdus import ImageHdu, describe_images, image_headers
from .fits_images import FileImages, Plane, choose_images
from .fits_names import label, listed
from .fits_open import OpenFits, damage_is_input_error, opened_fits
from .masks import masked_pixels, weightless_pixels
from .overscan import overscan_pixels
from .sky import celestial_wcs, pixel_scale

__all__ = ["FITS_SUFFIXES", "FitsField", "FitsImage", "list_fields", "read_fits", "read_hdus"]

FITS_SUFFIXES = tuple(
    stem + packing for stem in (".fits", ".fit", ".fts") for packing in ("", ".gz", ".bz2", ".fz")
)


@dataclass(frozen=True, eq=False)
class FitsImage:
    """Image of a FITS file.

    Attributes
    ----------
    pixels : ndarray of float32, shape (H, W, C)
        C = 1 or 3; bad pixels are 0.
    bad : ndarray of bool, shape (H, W)
        True where a band is NaN, infinite, blank or masked.
    wcs : astropy.wcs.WCS or None
        Celestial, two axes.
    notes : tuple of str
        Notes for the user on the reading.
    bands : tuple of Band
        One per channel.
    bad_counts : dict of str to int
        Number of bad pixels by cause.
    origin : {"upper", "lower"}
        Position of the first row when displayed.
    photographic : bool
        The image is a scan of a photographic plate.
    pattern : str
        Colours of the first four pixels of a raw colour frame, as in `bayer_pattern`; else empty.
    """

    pixels: NDArray[np.float32]
    bad: NDArray[np.bool_]
    wcs: Any | None
    notes: tuple[str, ...]
    bands: tuple[Band, ...] = ()
    bad_counts: dict[str, int] = dataclass_field(default_factory=dict)
    origin: Literal["upper", "lower"] = "lower"
    photographic: bool = False
    pattern: str = ""


@dataclass(frozen=True, eq=False)
class FitsField:
    """The images of one field, as a FITS file holds them.

    Attributes
    ----------
    images : tuple of FitsImage
        One, or three images of one band each in red, green, blue order, not yet aligned.
    names : tuple of str
        Name of each image, for messages.
    key : str
        Selection of the images, if the file has others.
    notes : tuple of str
        Notes for the user on the choice of the images.
    """

    images: tuple[FitsImage, ...]
    names: tuple[str, ...]
    key: str
    notes: tuple[str, ...]


def read_fits(
    path: Path,
    kind: Kind,
    key: str = "",
    bands: Sequence[str] = (),
    most_memory: int | None = None,
) -> FitsField:
    """Read the images of one field from a FITS file: the first field, if it has several.

    Parameters
    ----------
    path : Path
        The file: plain, gzip, bzip2 or tile-compressed.
    kind : {"fits", "gzip", "bzip2"}
        Type of the file, by its first bytes.
    key : str
        Selected images, as in `choose_images`.
    bands : sequence of str
        Selected bands.
    most_memory : int, optional
        As in `~galpipe.imaging.field.check_size`.

    Returns
    -------
    FitsField

    Raises
    ------
    InputError
        If the file is not FITS, is damaged, or holds no such image.
    """
    with opened_fits(path, kind) as opened:
        return _read_field(opened, str(path), key, bands, most_memory)


def list_fields(
    path: Path, kind: Kind, key: str = "", bands: Sequence[str] = ()
) -> tuple[tuple[str, ...], str]:
    """List the fields of a FITS file without reading pixels.

    Parameters
    ----------
    path, kind, key, bands : Path, str, str, sequence of str
        As in `read_fits`.

    Returns
    -------
    keys : tuple of str
        Selection of the images of each field; one empty string if the file has only one field.
    note : str
        The images that belong to no field.

    Raises
    ------
    InputError
        As `read_fits`.
    """
    with opened_fits(path, kind) as opened, damage_is_input_error(str(path)):
        found = choose_images(str(path), describe_images(opened.hdus), key, bands)
        if len(found.fields) == 1:
            return (key,), found.note
        return tuple(field.key for field in found.fields), found.note


def read_hdus(hdus: Iterable[Any], name: str = "the HDU", bands: Sequence[str] = ()) -> FitsField:
    """Read the images of one field from FITS HDUs.

    Parameters
    ----------
    hdus : iterable of HDUs
        As ``astropy.io.fits`` opens them.
    name : str
        File or description, for messages.
    bands : sequence of str
        Selected bands.

    Returns
    -------
    FitsField

    Raises
    ------
    InputError
        If the HDUs cannot be read, or hold no image of one or three bands.
    """
    with damage_is_input_error(name):
        opened = OpenFits(list(hdus))
    return _read_field(opened, name, bands=bands)


def _read_field(
    opened: OpenFits,
    name: str,
    key: str = "",
    bands: Sequence[str] = (),
    most_memory: int | None = None,
) -> FitsField:
    hdus, notes = opened.hdus, list[str]()
    with damage_is_input_error(name, notes):
        # The places only tell the fields of a file apart.
        described = describe_images(hdus, places=not key)
        found = choose_images(name, described, key, bands)
        chosen = found.fields[0]
        numbers = dict.fromkeys(plane.image.number for plane in chosen.planes)
        if len(numbers) == 1:
            names = [name if found.whole else f"{name}[{chosen.key}]"]
            groups: list[Sequence[Plane]] = [chosen.planes]
        else:
            names = [f"{name}[{plane.image.number}]" for plane in chosen.planes]
            groups = [[plane] for plane in chosen.planes]
        firsts = [group[0] for group in groups]
        _check_sizes(opened, names, firsts, len(chosen.planes), most_memory)
        used = [plane.number for number in numbers for plane in chosen.auxiliary.get(number, ())]
        # Before the pixels, since decoders of compressed tiles trust them.
        notes += opened.notes_on(sorted({0, *numbers, *used}))
        images = [
            _read_image(hdus, place, group, chosen.auxiliary)
            for place, group in zip(names, groups, strict=True)
        ]
    notes += choice_notes(found, name, key)
    return FitsField(tuple(images), tuple(names), "" if found.whole else chosen.key, tuple(notes))


def choice_notes(found: FileImages, name: str, key: str) -> list[str]:
    """Return notes on the images of a file that are not read.

    Parameters
    ----------
    found : FileImages
        The images of the file.
    name, key : str
        The file, and the selected images.
    """
    notes = [found.note] if found.note else []
    if len(found.fields) > 1 and not key:
        others = [field.key for field in found.fields]
        notes.append(
            f"{Path(name).name} holds {len(others)} fields, {listed(map(label, others))}, of which "
            f"{label(others[0])} was read; choose another as '{Path(name).name}[{others[1]}]'"
        )
    return notes


def _check_sizes(
    opened: OpenFits,
    names: Sequence[str],
    planes: Sequence[Plane],
    bands: int,
    most_memory: int | None,
) -> None:
    """Refuse images that take too much memory, before their pixels are read."""
    decoded = opened.held
    for plane in planes:
        image = plane.image
        bits = abs(int(opened.hdus[image.number].header.get("BITPIX", 8)))
        # astropy converts scaled integers to float32, those of 32 bits to float64.
        decoded += image.width * image.height * image.planes * (8 if bits > 32 else 4)
    for name, plane in zip(names, planes, strict=True):
        check_size(
            name,
            plane.image.width,
            plane.image.height,
            bands=bands,
            decoded=decoded,
            most_memory=most_memory,
        )


def _read_image(
    hdus: Sequence[Any],
    name: str,
    planes: Sequence[Plane],
    auxiliary: Mapping[int, Sequence[ImageHdu]],
) -> FitsImage:
    image = planes[0].image
    headers = image_headers(hdus, image.number)
    indices = [plane.index for plane in planes]
    cube = _planes(hdus[image.number], name)
    # The shape of the data takes precedence over that in the header.
    height, width = cube.shape[1:]
    primary = hdus[0].header if image.number else None
    wcs, notes = celestial_wcs(headers[0], height, width, hdus, primary)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = np.ascontiguousarray(np.moveaxis(cube[indices], 0, 2), dtype=np.float32)
        pixels = linear_fluxes(pixels, headers)
    del cube
    finite: NDArray[np.bool_] = np.all(np.isfinite(pixels), axis=2)
    if not finite.any():
        raise InputError(
            f"{name} holds no finite pixel: all are NaN, infinite or blank. Give an image with "
            "data."
        )
    bad, counts = ~finite, {"not finite": int(np.count_nonzero(~finite))}
    overscan = overscan_pixels(headers[0], height, width)
    if overscan is not None:
        counts["overscan"] = int(np.count_nonzero(overscan & ~bad))
        bad = bad | overscan
    for plane in auxiliary.get(image.number, ()):
        values = _planes(hdus[plane.number], name)
        if len(values) == image.planes:
            values = values[indices]
        if plane.role == "mask":
            cause = "masked in the file"
            marked, reason = masked_pixels(values, image_headers(hdus, plane.number))
        else:
            cause = "without weight in the file"
            marked, reason = weightless_pixels(values)
        if marked is None or marked.shape != bad.shape:
            label = plane.name or f"HDU {plane.number}"
            notes += (f"{label} in the file was not used as a {plane.role} plane: {reason}",)
            continue
        counts[cause] = counts.get(cause, 0) + int(np.count_nonzero(marked & ~bad))
        bad = bad | marked
    if bad.all():
        raise InputError(f"{name} holds no usable pixel: its masks leave none.")
    if bad.any():
        # Copied, as the pixels may belong to an HDU of the caller.
        pixels = np.where(bad[..., np.newaxis], np.float32(0), pixels)
    found = described(pixels, bad, wcs, headers, [plane.band for plane in planes])
    counts = {cause: count for cause, count in counts.items() if count}
    return replace(found, notes=notes, bad_counts=counts)


def described(
    pixels: NDArray[np.float32],
    bad: NDArray[np.bool_],
    wcs: Any | None,
    headers: Sequence[Any],
    bands: Sequence[str],
) -> FitsImage:
    """Return an image with the properties in its headers.

    Parameters
    ----------
    pixels, bad, wcs : ndarray, ndarray, astropy.wcs.WCS or None
        As in `FitsImage`.
    headers : sequence of astropy.io.fits.Header
        From `image_headers`.
    bands : sequence of str
        Filter of each channel; empty if unknown.
    """
    area = None if wcs is None else float(np.deg2rad(pixel_scale(wcs) / 3600)) ** 2
    rows = str(header_value(headers, "ROWORDER", str) or "").strip().upper()
    pattern = bayer_pattern(headers, len(bad)) if pixels.shape[2] == 1 else None
    return FitsImage(
        pixels,
        bad,
        wcs,
        (),
        tuple(read_band(headers, band, pixel_area=area) for band in bands),
        {},
        "upper" if rows == "TOP-DOWN" else "lower",
        is_photographic(headers),
        pattern or "",
    )


def _planes(hdu: Any, name: str) -> NDArray[Any]:
    data = np.asarray(hdu.data)
    if data.dtype.kind not in "iuf":
        raise InputError(f"{name} holds pixels of the type {data.dtype}; give real numbers.")
    return data.reshape(-1, *data.shape[-2:])
