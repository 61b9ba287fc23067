"""Open a field: whole in memory, or by windows where it is too large."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import PICTURE_KINDS
from ..files.memory import available_memory
from .align import coincide
from .field import MAX_MEMORY, Field, NotInWindowsError, TooLargeError, check_usable
from .field_discovery import FieldSource, field_source
from .fits_windows import open_fits_windows
from .large_field import LargeField, WindowReader, joined, large_field, outline, sample_windows
from .picture import opaque, page_notes, stored_origin
from .picture_scale import PictureScale, measure_picture_scale
from .read import FieldLike, file_kinds, fits_field, read_field
from .tiff_windows import open_tiff_windows

__all__ = ["open_field"]

_WHOLE = 2**30  # bytes of memory: a field that takes more is read by windows
# Memory in bytes of a field that is read by windows: at least, and per pixel of each band.
_LEAST_MEMORY, _PER_PIXEL = 600 * 2**20, 0.25


@contextmanager
def open_field(source: FieldLike) -> Iterator[Field | LargeField]:
    """Open a field: in memory if it takes less than 1 GB to be searched, else by windows.

    Parameters
    ----------
    source : source of `read_field`
        Files or data in memory.

    Yields
    ------
    Field or LargeField
        The latter is read while it is open.

    Raises
    ------
    InputError
        As `read_field`, and if a field that has to be read as a whole takes too much memory.
    """
    with ExitStack() as stack:
        field: Field | LargeField
        try:
            field = read_field(source, most_memory=_WHOLE)
        except TooLargeError:
            # Only files can be too large.
            given: Any = source
            files = given if isinstance(given, FieldSource) else field_source(given)
            try:
                field = stack.enter_context(_open_windows(files))
            except NotInWindowsError as reason:
                try:
                    field = read_field(source)
                except TooLargeError as error:
                    raise InputError(f"{error} It is not read in parts, as {reason}.") from error
        yield field


@contextmanager
def _open_windows(source: FieldSource) -> Iterator[LargeField]:
    digest = hashlib.sha256()
    kinds = file_kinds(source, digest, whole=False)
    if kinds[0] == "tiff":
        with open_tiff_windows(source.paths[0]) as (header, read):
            yield _picture(source, digest.hexdigest(), header, read)
        return
    if kinds[0] in PICTURE_KINDS:
        raise NotInWindowsError(f"it is a {kinds[0].upper()} picture; save it as FITS or TIFF")
    if set(kinds) != {"fits"}:
        raise NotInWindowsError("it is packed; unpack it, or compress it with fpack")
    selected = source.images or ("",) * len(source.paths)
    with ExitStack() as stack:
        opened = [
            stack.enter_context(open_fits_windows(path, key, source.bands))
            for path, key in zip(source.paths, selected, strict=True)
        ]
        images = [image for found, _ in opened for image in found.images]
        readers = [reader for _, several in opened for reader in several]
        first = images[0]
        if not all(coincide(first, image) for image in images[1:]):
            raise NotInWindowsError("its bands have to be laid on each other")
        if len(images) > 1 and any(image.pixels.shape[2] > 1 for image in images):
            raise NotInWindowsError("a file of its bands holds several")
        notes = [*source.notes, *(note for found, _ in opened for note in found.notes)]
        notes += [note for image in images for note in image.notes]
        height, width = first.bad.shape
        bands = sum(image.pixels.shape[2] for image in images)
        pixels, bad = outline(height, width, bands, np.float32)
        image = replace(
            first,
            pixels=pixels,
            bad=bad,
            bands=tuple(band for image in images for band in image.bands),
            photographic=any(image.photographic for image in images),
            notes=(),
        )
        keys = selected if len(opened) > 1 else (opened[0][0].key,)
        field = fits_field(image, source.identifier, source.paths, digest.hexdigest())
        field = replace(field, notes=tuple(dict.fromkeys(notes)), images=keys if any(keys) else ())
        _check_memory(field)
        found = large_field(field, _stacked(readers))
        yield found


def _stacked(readers: Sequence[WindowReader]) -> WindowReader:
    """Return a reader of bands that are read one by one."""
    if len(readers) == 1:
        return readers[0]

    def read(rows: slice, columns: slice) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
        planes, causes = [], dict[str, NDArray[np.bool_]]()
        taken = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
        for reader in readers:
            pixels, found = reader(rows, columns)
            planes.append(pixels)
            for cause, mask in found.items():
                causes[cause] = causes.get(cause, np.zeros_like(mask)) | (mask & ~taken)
                taken |= mask
        return np.concatenate(planes, axis=2), causes

    return read


def _picture(source: FieldSource, checksum: str, header: Any, read: Any) -> LargeField:
    """Return a TIFF as a field, after measuring on a sample what its values mean."""
    path, height, width = source.paths[0], header.height, header.width
    samples = sample_windows(height, width)
    decoded = [opaque(read(*window)) for window in samples]
    bands, kind = decoded[0][0].shape[2], decoded[0][0].dtype
    if bands not in (1, 3):
        raise InputError(f"{path} has {bands} channels. Save it as a grey or RGB picture.")
    scale = _scale(path, samples, decoded, (height, width), read)

    def window(rows: slice, columns: slice) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
        planes, bad = opaque(read(rows, columns))
        bad = bad.copy()
        pixels = scale.apply(planes, bad)
        return pixels, {"transparent or not finite": bad}

    linear = scale.linear or scale.white is None
    dtype = np.float32 if linear else np.uint8 if scale.narrow or kind == np.uint8 else np.uint16
    pixels, bad = outline(height, width, bands, dtype)
    field = Field(
        pixels,
        source.identifier,
        source.paths,
        checksum,
        bad,
        origin=stored_origin(header),
        linear=linear,
        notes=(*page_notes(header), *scale.notes),
    )
    _check_memory(field)
    return large_field(field, window)


def _scale(
    path: Path,
    samples: Sequence[tuple[slice, slice]],
    decoded: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]],
    shape: tuple[int, int],
    read: Any,
) -> PictureScale:
    parts = [
        Field(planes, "", (), "", bad.copy(), corner=(columns.start, rows.start))
        for (planes, bad), (rows, columns) in zip(decoded, samples, strict=True)
    ]
    sample = joined(parts)
    check_usable(path, sample.bad)
    good = sample.pixels[~sample.bad]
    with np.errstate(invalid="ignore"):
        darkest, brightest = np.nanmin(good, axis=0), np.nanmax(good, axis=0)
    if good.dtype != np.uint8:
        # Few pixels decide what the values mean: all are looked at.
        pixels, bad = outline(*shape, 1, np.uint8)
        whole = LargeField(Field(pixels, "", (), "", bad), lambda *window: (np.empty(0), {}))
        for window in whole.strips():
            planes, missing = opaque(read(*window))
            if planes.dtype.kind == "f":
                missing = missing | ~np.isfinite(planes).all(axis=2)
            values = planes[~missing]
            if len(values):
                darkest = np.minimum(darkest, values.min(axis=0))
                brightest = np.maximum(brightest, values.max(axis=0))
    return measure_picture_scale(sample.pixels, sample.bad, darkest, brightest)


def _check_memory(field: Field) -> None:
    """Refuse a field whose reduced picture and mesh of the sky do not fit into memory."""
    height, width, bands = field.pixels.shape
    needed = _LEAST_MEMORY + _PER_PIXEL * height * width * bands
    available = available_memory()
    limit = MAX_MEMORY if available is None else min(MAX_MEMORY, available)
    if needed > limit:
        whose = "can be used here" if limit == available else "a field may take"
        raise InputError(
            f"{', '.join(map(str, field.paths))} declares {width} x {height} pixels, which take "
            f"{needed / 2**30:.1f} GB of memory to search in parts, more than the "
            f"{limit / 2**30:.1f} GB that {whose}. Cut it into smaller fields."
        )
