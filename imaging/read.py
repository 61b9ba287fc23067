"""Read a survey field from files or from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import PICTURE_KINDS, REFUSED, Kind, check_regular, kind_of
from ..files.picture_headers import picture_header
from .align import align, aligned_band
from .arrays import field_of_array, pixels_checksum
from .bad_pixels import contrast_notes, mark_bad_pixels
from .bayer import debayer
from .field import MAX_BYTES, Field, TooLargeError, check_size
from .field_discovery import FieldSource, field_source, name_with_images
from .fits import FITS_SUFFIXES, FitsField, FitsImage, list_fields, read_fits, read_hdus
from .fits_names import label, listed
from .nddata import read_nddata
from .picture import PICTURE_SUFFIXES
from .picture_field import picture_field
from .sky import pixel_scale
from .stretch import Stretch, to_rgb

__all__ = [
    "FITS_SUFFIXES",
    "PICTURE_SUFFIXES",
    "FieldLike",
    "file_kinds",
    "fits_field",
    "is_rgb",
    "read_field",
    "read_rgb",
    "split_source",
]

# Any stands for the HDUs and NDData of astropy, which is not imported for pictures.
FieldLike: TypeAlias = Field | FieldSource | str | Path | Sequence[str | Path] | NDArray[Any] | Any

_FITS_KINDS = ("fits", "gzip", "bzip2")
_IN_MEMORY = "field"


def read_field(
    source: FieldLike,
    identifier: str | None = None,
    bands: Sequence[str] = (),
    *,
    most_memory: int | None = None,
) -> Field:
    """Read a field from files or from memory.

    Parameters
    ----------
    source : str, Path, sequence of paths, ndarray, HDU, HDUList or NDData
        Files: a FITS file (plain, .gz, .bz2 or .fz), a JPEG, PNG, WebP or TIFF picture, or
        three FITS files of one band each in red, green, blue order, also written
        ``"r.fits,g.fits,b.fits"``.
        The type is detected from the content.  Of a FITS file that holds several fields, such as
        the CCDs of a mosaic camera, the first is read, and a note names the others;
        ``"file.fits[CCD2]"`` and ``"file.fits[SCI,2]"`` read one of them.

        In memory: an array of shape (H, W), (H, W, 1) or (H, W, 3), of uint8 or uint16 for a
        picture (row 0 at the top), which may be linear if it is uint16, of another number type for
        fluxes (row 0 at the bottom, as in FITS); an image HDU of astropy or a list of HDUs, read as
        a file is; an NDData of shape (H, W) or (3, H, W), with its mask and WCS.
    identifier : str, optional
        Name of the field; by default that of its files, or ``"field"``.
    bands : sequence of str, optional
        One band of a FITS file or of HDUs, or three in red, green, blue order, by filter, name of
        the HDU, or number; by default three are chosen by their wavelengths.
    most_memory : int, optional
        Memory in bytes that a field from files may take to be searched; by default 8 GB, or what
        the machine has.

    Returns
    -------
    Field
        Three bands whose WCS differ are laid on the pixels of the red one.

    Raises
    ------
    InputError
        If a file is missing, damaged, not an image, too small or too large, or bands do not match.

    Examples
    --------
    >>> import numpy as np
    >>> import galpipe
    >>> rng = np.random.default_rng(0)
    >>> field = galpipe.read_field(rng.normal(100, 5, (64, 96)), identifier="noise")
    >>> field.width, field.height, field.identifier
    (96, 64, 'noise')
    >>> field = galpipe.read_field("field.fits")                       # doctest: +SKIP
    >>> field = galpipe.read_field("i.fits,r.fits,g.fits")             # doctest: +SKIP
    """
    if isinstance(source, Field):
        field = source
    elif isinstance(source, FieldSource):
        field = _read_files(_with_bands(source, bands), most_memory)
    elif isinstance(source, str | Path):
        field = _read_files(_with_bands(field_source(source), bands), most_memory)
    elif isinstance(source, np.ndarray):
        field = field_of_array(source, _IN_MEMORY)
    elif hasattr(source, "data") and hasattr(source, "mask") and hasattr(source, "wcs"):
        field = _from_hdus(read_nddata(source))
    elif hasattr(source, "header") or (source and hasattr(source[0], "header")):
        hdus = [source] if hasattr(source, "header") else source
        field = _from_hdus(read_hdus(hdus, bands=bands))
    else:
        field = _read_files(_with_bands(field_source(source), bands), most_memory)
    if field.linear and not isinstance(source, Field):
        field = mark_bad_pixels(field)
        field = replace(field, notes=(*field.notes, *contrast_notes(field)))
    return field if identifier is None else replace(field, identifier=identifier)


def read_rgb(source: FieldLike, stretch: Stretch) -> NDArray[np.uint8]:
    """Read a field as a colour picture.

    Parameters
    ----------
    source : ndarray of uint8, shape (H, W, 3), or source of `read_field`
        An RGB array is returned unchanged.
    stretch : Stretch
        Stretch of everything else.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Rows as in the field.

    Raises
    ------
    InputError
        If the field cannot be read.
    """
    return source if is_rgb(source) else to_rgb(read_field(source), stretch)


def is_rgb(source: FieldLike) -> TypeGuard[NDArray[np.uint8]]:
    """Return whether a source of `read_field` is an RGB array, uint8 of shape (H, W, 3).

    Parameters
    ----------
    source : source of `read_field`
        Files or data in memory.
    """
    return isinstance(source, np.ndarray) and source.dtype == np.uint8 and source.shape[2:] == (3,)


def _with_bands(source: FieldSource, bands: Sequence[str]) -> FieldSource:
    return replace(source, bands=tuple(bands)) if bands else source


def file_kinds(
    source: FieldSource, digest: hashlib._Hash | None = None, *, whole: bool = True
) -> list[Kind]:
    """Return the types of the files of a field, which fit together.

    Parameters
    ----------
    source : FieldSource
        The files.
    digest : hash, optional
        The content of the files is added to it.
    whole : bool
        The files are to be read into memory, which limits their size.

    Raises
    ------
    InputError
        If a file cannot be read, or three bands are not three FITS files.
    """
    kinds = [_kind(path, digest, whole=whole) for path in source.paths]
    if len(source.paths) == 1 and kinds[0] in PICTURE_KINDS:
        if source.bands or source.images:
            raise InputError(
                f"{source.paths[0]} is a picture: images and bands are those of FITS files."
            )
        return kinds
    for path, kind in zip(source.paths, kinds, strict=True):
        if kind not in _FITS_KINDS:
            raise InputError(f"{path} is a picture; three bands must be three FITS files.")
    if len(source.paths) > 1 and source.bands:
        raise InputError(
            f"{source} are three bands already: bands are chosen within one file. Leave --bands "
            "out, or give one file."
        )
    return kinds


def _read_files(source: FieldSource, most_memory: int | None = None) -> Field:
    if source.urls:
        raise InputError(f"{source}: addresses are read by runs only. Download the file first.")
    digest = hashlib.sha256()
    kinds = file_kinds(source, digest)
    if kinds[0] in PICTURE_KINDS:
        path = source.paths[0]
        if most_memory is not None:
            _check_picture(path, kinds[0], most_memory)
        data, checksum = path.read_bytes(), digest.hexdigest()
        return picture_field(path, data, kinds[0], source.identifier, source.paths, checksum)
    selected = source.images or ("",) * len(source.paths)
    found = []
    for path, kind, key in zip(source.paths, kinds, selected, strict=True):
        found.append(read_fits(path, kind, key, source.bands, most_memory))
        height, width = found[0].images[0].bad.shape
        check_size(path, width, height, bands=len(source.paths), most_memory=most_memory)
    notes = (*source.notes, *(note for one in found for note in one.notes))
    if len(found) > 1:
        image = _stack(source.paths, [image for one in found for image in one.images])
        keys = selected
    else:
        image = _joined(found[0])
        keys = (found[0].key,)
    field = fits_field(image, source.identifier, source.paths, digest.hexdigest())
    keys = keys if any(keys) else ()
    return replace(field, notes=tuple(dict.fromkeys((*notes, *field.notes))), images=keys)


def split_source(source: FieldSource) -> list[FieldSource]:
    """Return the fields of a source: several if its FITS file holds several.

    Parameters
    ----------
    source : FieldSource
        The source.

    Returns
    -------
    list of FieldSource
        The source itself if it is one field. Otherwise one for each field, called after the file
        and the images, such as ``mosaic-CCD2``. The first has the notes. Three files of bands give
        one for each field that all hold, in any order.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if any(source.images):
        return [source]
    kinds = [_kind(path, whole=False) for path in source.paths]
    if not set(kinds) <= set(_FITS_KINDS):
        return [source]
    found = [
        list_fields(path, kind, bands=source.bands)
        for path, kind in zip(source.paths, kinds, strict=True)
    ]
    every, note = found[0]
    keys = [key for key in every if all(key in others for others, _ in found)]
    if len(every) == 1 or not keys:
        return [source]
    fields, lost = listed(map(label, keys)), {key for others, _ in found for key in others}
    name = source.stem or source.paths[0].name
    notes = [f"{name} holds {len(keys)} fields, {fields}; each is searched"]
    notes += [note] if note else []
    if lost := lost - set(keys):
        notes.append(f"not in every band, and left out: {listed(map(label, sorted(lost)))}")
    return [
        replace(
            source,
            identifier=name_with_images(source.identifier, [key]),
            images=(key,) * len(source.paths),
            notes=() if place else tuple(notes),
        )
        for place, key in enumerate(keys)
    ]


def _joined(found: FitsField) -> FitsImage:
    """Return the images of a field as one."""
    if len(found.images) == 1:
        return _coloured(found.images[0])
    return _stack([Path(name) for name in found.names], found.images)


def _coloured(image: FitsImage) -> FitsImage:
    """Return the image in colour if it is a raw frame of a colour camera."""
    if not image.pattern:
        return image
    # Before pixels are interpolated, which would spread fill values.
    image = mark_bad_pixels(image)
    pixels = debayer(image.pixels[..., 0], image.bad, image.pattern)
    pixels[image.bad] = 0
    note = "a raw frame of a colour camera: its colours were interpolated (debayered)"
    bands = tuple(replace(image.bands[0], name=name) for name in "RGB")
    return replace(image, pixels=pixels, bands=bands, notes=(*image.notes, note), pattern="")


def _check_picture(path: Path, kind: Kind, most_memory: int) -> None:
    """Refuse a picture by its header, before its file is read."""
    with path.open("rb") as stream:
        header = picture_header(stream, kind)
    if header is not None:
        finished, size = header.bits <= 8, (header.width, header.height)
        check_size(path, *size, bands=3, finished=finished, most_memory=most_memory)


def fits_field(image: FitsImage, identifier: str, paths: tuple[Path, ...], checksum: str) -> Field:
    """Return an image of a FITS file as a field.

    Parameters
    ----------
    image : FitsImage
        One or three bands.
    identifier, paths, checksum : str, tuple of Path, str
        As in `Field`.
    """
    return Field(
        image.pixels,
        identifier,
        paths,
        checksum,
        image.bad,
        wcs=image.wcs,
        pixel_scale=None if image.wcs is None else pixel_scale(image.wcs),
        origin=image.origin,
        photographic=image.photographic,
        bands=image.bands,
        bad_counts=image.bad_counts,
        notes=image.notes,
    )


def _from_hdus(found: FitsField) -> Field:
    image = _joined(found)
    field = fits_field(image, _IN_MEMORY, (), pixels_checksum(image.pixels, image.bad))
    return replace(field, notes=(*found.notes, *field.notes))


def _kind(path: Path, digest: hashlib._Hash | None = None, *, whole: bool = True) -> Kind:
    """Return the type of a file, and add its content to a checksum."""
    try:
        size = check_regular(path)
        with path.open("rb") as stream:
            head = stream.read(512)
            if digest is not None and not (whole and size > MAX_BYTES):
                digest.update(head)
                while block := stream.read(2**20):
                    digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if whole and size > MAX_BYTES:
        raise TooLargeError(
            f"{path} has more than {MAX_BYTES / 2**30:.0f} GB. Cut it into smaller fields."
        )
    if not head:
        raise InputError(f"{path} is empty. Copy or download it again.")
    kind = kind_of(head)
    if kind not in (*_FITS_KINDS, *PICTURE_KINDS):
        raise InputError(f"{path} is {REFUSED[kind]}")
    return kind


def _stack(paths: Sequence[Path], bands: Sequence[FitsImage]) -> FitsImage:
    """Return three bands as one image, on the pixels of the first."""
    for path, band in zip(paths, bands, strict=True):
        if band.pixels.shape[2] != 1:
            raise InputError(f"{path} holds three bands already. Give it alone, or give one band.")
    # Before pixels are interpolated, which would spread fill values.
    bands = [mark_bad_pixels(band) for band in bands]
    pixels, bad, notes = align(paths, bands)
    notes = tuple(dict.fromkeys((*(note for band in bands for note in band.notes), *notes)))
    pixels[bad] = 0
    if bad.all():
        raise InputError(f"{paths[0]} and its other bands share no usable pixel.")
    counts: dict[str, int] = {}
    for band in bands:
        for cause, count in band.bad_counts.items():
            counts[cause] = max(count, counts.get(cause, 0))
    rest = int(np.count_nonzero(bad)) - sum(counts.values())
    if rest > 0:
        counts["without data in every band"] = rest
    return replace(
        bands[0],
        pixels=pixels,
        bad=bad,
        notes=notes,
        photographic=any(band.photographic for band in bands),
        bands=tuple(aligned_band(bands[0], band) for band in bands),
        bad_counts=counts,
    )
