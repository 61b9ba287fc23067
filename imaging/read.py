"""Read a survey field from whatever file holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..files.file_types import Kind, kind_of
from .align import align
from .field import Field
from .field_discovery import FieldSource, source_from, source_of
from .fits import FITS_SUFFIXES, FitsImage, read_fits
from .limits import MAX_BYTES
from .picture import PICTURE_SUFFIXES, read_picture
from .sky import pixel_scale

__all__ = ["FITS_SUFFIXES", "PICTURE_SUFFIXES", "read_field"]

_FITS_KINDS = ("fits", "gzip", "bzip2")
_PICTURE_KINDS = ("jpeg", "png", "tiff")


def read_field(source: str | Path | FieldSource | Sequence[str | Path]) -> Field:
    """Read a field.

    Parameters
    ----------
    source : str, Path, FieldSource or sequence of paths
        A FITS file (plain, .gz, .bz2 or .fz; one band or a cube of three planes), a JPEG, PNG or
        TIFF picture, or three FITS files of one band each in red, green, blue order, also written
        ``"r.fits,g.fits,b.fits"``. The content decides, not the suffix.

    Returns
    -------
    Field
        Three bands whose WCS show them shifted against each other are laid on the red one.

    Raises
    ------
    InputError
        If a file is missing, damaged, no image, too small or too large, or bands do not match.
    """
    if isinstance(source, str | Path):
        source = source_of(source)
    elif not isinstance(source, FieldSource):
        source = source_from(source)
    digest = hashlib.sha256()
    kinds = [_fingerprint(path, digest) for path in source.paths]
    checksum = digest.hexdigest()
    if len(source.paths) > 1:
        image = _read_bands(source.paths, kinds)
    elif kinds[0] in _PICTURE_KINDS:
        path = source.paths[0]
        pixels, bad, notes = read_picture(path, path.read_bytes(), kinds[0])
        if bad.all():
            raise InputError(f"{path} holds no usable pixel. Give an image with data.")
        return Field(pixels, source.identifier, source.paths, checksum, bad, notes=notes)
    else:
        image = read_fits(source.paths[0], kinds[0])
    return Field(
        image.pixels,
        source.identifier,
        source.paths,
        checksum,
        image.bad,
        wcs=image.wcs,
        pixel_scale=None if image.wcs is None else pixel_scale(image.wcs),
        origin="lower",
        notes=image.notes,
    )


def _fingerprint(path: Path, digest: hashlib._Hash) -> Kind:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(512)
            digest.update(head)
            while block := stream.read(2**20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if size > MAX_BYTES:
        raise InputError(
            f"{path} has more than {MAX_BYTES / 2**30:.0f} GB. Cut it into smaller fields."
        )
    if not head:
        raise InputError(f"{path} is empty. Copy or download it again.")
    kind = kind_of(head)
    if kind not in (*_FITS_KINDS, *_PICTURE_KINDS):
        looks = "a text file" if kind == "text" else "no image that is known here"
        raise InputError(
            f"{path} is {looks}, whatever its name says. Give a FITS, JPEG, PNG or TIFF image."
        )
    return kind


def _read_bands(paths: tuple[Path, ...], kinds: list[Kind]) -> FitsImage:
    for path, kind in zip(paths, kinds, strict=True):
        if kind not in _FITS_KINDS:
            raise InputError(f"{path} is a picture; three bands must be three FITS files.")
    bands = [read_fits(path, kind) for path, kind in zip(paths, kinds, strict=True)]
    for path, band in zip(paths, bands, strict=True):
        if band.pixels.shape[2] != 1:
            raise InputError(f"{path} holds three bands already. Give it alone, or give one band.")
        if band.pixels.shape != bands[0].pixels.shape:
            ours, theirs = (f"{b.pixels.shape[1]} x {b.pixels.shape[0]}" for b in (band, bands[0]))
            raise InputError(
                f"{path} is {ours} pixels and {paths[0]} is {theirs}. Give three bands of the same "
                "size, on the same pixels."
            )
    pixels, bad, notes = align(paths, bands)
    notes = tuple(dict.fromkeys((*bands[0].notes, *notes)))
    pixels[bad] = 0
    if bad.all():
        raise InputError(f"{paths[0]} and its other bands share no usable pixel.")
    return FitsImage(pixels, bad, bands[0].wcs, notes)
