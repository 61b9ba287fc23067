"""Read windows of the images of a FITS file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .align import coincide
from .bands import linear_fluxes
from .field import NotInWindowsError, check_side
from .fits import FitsField, FitsImage, choice_notes, described
from .fits_hdus import ImageHdu, describe_images, image_headers
from .fits_images import FieldImages, choose_images
from .fits_open import OpenFits, damage_is_input_error, opened_fits
from .large_field import WindowReader, outline, sample_windows
from .masks import masked_pixels, weightless_pixels
from .overscan import sections_with_light
from .row_cache import RowCache
from .sky import celestial_wcs
from .sky_steps import SkySection

__all__ = ["open_fits_windows"]

# Pixels for which a byte of a compressed image can stand; noise takes two bits or more.
_DENSEST = 512
_SCALING = ("BSCALE", "BZERO", "BLANK")
_BLOCK = 2880  # bytes (FITS standard 4.0, section 3.1)
_CAUSES = {"mask": "masked in the file", "weight": "without weight in the file"}

_Window = Callable[[slice, slice], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Mask:
    """Plane of masks or weights."""

    role: str
    headers: Sequence[Any]
    planes: Sequence[_Window]

    def marked(
        self, rows: slice, columns: slice, *, whole: bool
    ) -> tuple[NDArray[np.bool_] | None, str]:
        """Return the bad pixels of a window, or the reason why it is no mask."""
        values = np.stack([plane(rows, columns) for plane in self.planes])
        if self.role == "mask":
            return masked_pixels(values, self.headers, whole=whole)
        return weightless_pixels(values, whole=whole)


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads windows of one image with its masks."""

    name: str
    planes: Sequence[_Window]
    headers: Sequence[Any]
    light: Sequence[SkySection] | None
    masks: Sequence[_Mask]

    def __call__(
        self, rows: slice, columns: slice
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]:
        with damage_is_input_error(self.name), np.errstate(over="ignore", invalid="ignore"):
            planes = [np.asarray(plane(rows, columns), np.float32) for plane in self.planes]
            pixels = linear_fluxes(np.stack(planes, axis=2), self.headers)
            bad = np.asarray(~np.isfinite(pixels).all(axis=2))
            causes: dict[str, NDArray[np.bool_]] = {"not finite": bad.copy()}
            if self.light is not None:
                dark = np.ones(bad.shape, dtype=bool)
                for section in self.light:
                    edges = section.moved(-rows.start, -columns.start)
                    top, bottom, left, right = (max(edge, 0) for edge in edges)
                    dark[top:bottom, left:right] = False
                causes["overscan"] = dark & ~bad
                bad |= dark
            for mask in self.masks:
                marked, _ = mask.marked(rows, columns, whole=False)
                if marked is not None:
                    cause = _CAUSES[mask.role]
                    causes[cause] = causes.get(cause, np.zeros_like(bad)) | (marked & ~bad)
                    bad |= marked
        return pixels, causes


@contextmanager
def open_fits_windows(
    path: Path, key: str = "", bands: Sequence[str] = ()
) -> Iterator[tuple[FitsField, list[WindowReader]]]:
    """Open the images of one field, of which windows are then read.

    Parameters
    ----------
    path : Path
        The file, plain or tile-compressed.
    key, bands : str, sequence of str
        As in `~galpipe.imaging.fits.read_fits`.

    Yields
    ------
    field : FitsField
        Its images, whose pixels are zeros that take no memory.
    readers : list of callable
        Reads windows of each image.

    Raises
    ------
    InputError
        As `~galpipe.imaging.fits.read_fits`.
    NotInWindowsError
        If the images have to be resampled.
    """
    with opened_fits(path, "fits") as opened:
        notes: list[str] = []
        with damage_is_input_error(str(path), notes):
            found = choose_images(
                str(path), describe_images(opened.hdus, places=not key), key, bands
            )
            chosen = found.fields[0]
            numbers = dict.fromkeys(plane.image.number for plane in chosen.planes)
            used = [plane.number for one in numbers for plane in chosen.auxiliary.get(one, ())]
            # Before any pixel, since decoders of compressed tiles trust them.
            notes += opened.notes_on(sorted({0, *numbers, *used}))
            images, readers = list[FitsImage](), list[WindowReader]()
            for number in numbers:
                name = str(path) if found.whole else f"{path}[{number}]"
                image, reader = _open_image(opened, name, chosen, number)
                images.append(image)
                readers.append(reader)
        notes += choice_notes(found, str(path), key)
        if not all(coincide(images[0], image) for image in images[1:]):
            raise NotInWindowsError("its bands have to be laid on each other")
        names = tuple(f"{path}[{number}]" for number in numbers)
        chosen_key = "" if found.whole else chosen.key
        yield FitsField(tuple(images), names, chosen_key, tuple(notes)), readers


def _open_image(
    opened: OpenFits, name: str, chosen: FieldImages, number: int
) -> tuple[FitsImage, _Reader]:
    hdus = opened.hdus
    planes = [plane for plane in chosen.planes if plane.image.number == number]
    image = planes[0].image
    check_side(name, image.width, image.height)
    headers = image_headers(hdus, number)
    primary = hdus[0].header if number else None
    wcs, notes = celestial_wcs(headers[0], image.height, image.width, hdus, primary)
    pixels, bad = outline(image.height, image.width, len(planes), np.float32)
    found = described(pixels, bad, wcs, headers, [plane.band for plane in planes])
    if found.pattern:
        raise NotInWindowsError("it is a raw frame of a colour camera")
    _check_density(opened, name, image)
    indices = [plane.index for plane in planes]
    windows = [_window_reader(opened, number, index, name) for index in indices]
    light = sections_with_light(headers[0], image.height, image.width)
    masks = []
    for plane in chosen.auxiliary.get(number, ()):
        _check_density(opened, name, plane)
        used = indices if plane.planes == image.planes else range(plane.planes)
        mask = _Mask(
            plane.role,
            image_headers(hdus, plane.number),
            [_window_reader(opened, plane.number, index, name) for index in used],
        )
        reason = "its shape is another"
        if plane.shape == image.shape:
            reason = _doubt(mask, sample_windows(*image.shape))
        if reason:
            label = plane.name or f"HDU {plane.number}"
            notes += (f"{label} in the file was not used as a {plane.role} plane: {reason}",)
        else:
            masks.append(mask)
    return replace(found, notes=notes), _Reader(name, windows, headers, light, masks)


def _doubt(mask: _Mask, sample: Sequence[tuple[slice, slice]]) -> str:
    """Return why a plane cannot be a mask, by a sample of it; empty if it can."""
    reasons = [mask.marked(*window, whole=True)[1] for window in sample]
    # An empty corner of the image is marked as a whole.
    return reasons[0] if all(reasons) else ""


def _check_density(opened: OpenFits, name: str, image: ImageHdu) -> None:
    """Refuse an image that is far larger than the file can hold."""
    size = opened.extents[image.number].size
    if image.width * image.height * image.planes > _DENSEST * size:
        raise InputError(
            f"{name} declares {image.width} x {image.height} pixels, which its {size} bytes cannot "
            "hold. It is damaged: copy or download it again."
        )


def _window_reader(opened: OpenFits, number: int, index: int, name: str) -> _Window:
    """Return a function that reads windows of a plane of an HDU."""
    hdu = opened.hdus[number]
    shape = hdu.shape
    tile = getattr(hdu, "tile_shape", None)
    if tile is None:
        return _PlainPlane(opened.stream, opened.extents[number].data, hdu.header, index, name)
    plane = tuple(int(place) for place in np.unravel_index(index, shape[:-2]))

    def read(rows: slice, columns: slice) -> NDArray[Any]:
        return _numbers(hdu.section[(*plane, rows, columns)], name)

    if tile[-1] < shape[-1]:
        return read
    # A tile is as wide as the image: it is decoded once for all windows beside each other.
    return RowCache(
        lambda start, stop: read(slice(start, stop), slice(0, shape[-1])), shape[-2], int(tile[-2])
    )


class _PlainPlane:
    """Reads windows of a plane that is not compressed.

    The bytes of a window are given to astropy as an image of their own, which scales them as those
    of the whole; its own sections of some columns are slow.
    """

    def __init__(self, stream: Any, start: int, header: Any, index: int, name: str) -> None:
        self._stream, self._name = stream, name
        self._pixel = abs(int(header["BITPIX"])) // 8
        self._width, height = int(header["NAXIS1"]), int(header["NAXIS2"])
        self._start = start + index * height * self._width * self._pixel
        self._cards = {key: header[key] for key in _SCALING if key in header}
        self._bits = int(header["BITPIX"])

    def __call__(self, rows: slice, columns: slice) -> NDArray[Any]:
        from astropy.io import fits

        width, height = columns.stop - columns.start, rows.stop - rows.start
        parts = []
        for row in range(rows.start, rows.stop):
            self._stream.seek(self._start + (row * self._width + columns.start) * self._pixel)
            parts.append(self._stream.read(width * self._pixel))
        content = b"".join(parts)
        header = fits.Header({"SIMPLE": True, "BITPIX": self._bits, "NAXIS": 2})
        header.update({"NAXIS1": width, "NAXIS2": height} | self._cards)
        padding = bytes(-len(content) % _BLOCK)
        window = fits.PrimaryHDU.fromstring(header.tostring().encode() + content + padding)
        return _numbers(window.data, self._name)


def _numbers(pixels: Any, name: str) -> NDArray[Any]:
    array = np.asarray(pixels)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} holds pixels of the type {array.dtype}; give real numbers.")
    return array
