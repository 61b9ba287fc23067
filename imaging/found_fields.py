"""Find the fields among files, folders and triples of bands, and give each a name of its own."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.lazy_sequence import LazySequence
from ..files.names import safe_name
from ..files.packed_texts import PackedTexts, text_digests
from .field_discovery import (
    FieldSource,
    field_name,
    field_source,
    file_stem,
    has_field_suffix,
)
from .picture import PICTURE_SUFFIXES

__all__ = ["FoundFields", "find_fields"]


class FoundFields(LazySequence[FieldSource]):
    """Fields in the order found, whose sources are made when they are asked for.

    Parameters
    ----------
    places : sequence of str
        Of each field, in JSON, its file, or its source if that is more than a file.
    names : sequence of str, optional
        The identifiers, if some are not those of the sources.
    bands : tuple of str
        Selected bands of all fields, as in `FieldSource`.
    """

    def __init__(
        self,
        places: Sequence[str],
        names: Sequence[str] | None = None,
        bands: tuple[str, ...] = (),
    ) -> None:
        self._places, self._names, self._bands = places, names, bands

    def __len__(self) -> int:
        return len(self._places)

    def _item(self, number: int) -> FieldSource:
        """Return a field."""
        place = json.loads(self._places[number])
        source = _single_file(place) if isinstance(place, str) else FieldSource.from_dict(place)
        name = source.identifier if self._names is None else self._names[number]
        if name == source.identifier and not self._bands:
            return source
        return replace(source, identifier=name, bands=self._bands or source.bands)

    def with_bands(self, bands: Sequence[str]) -> FoundFields:
        """Return the fields with other selected bands; with those they have if there are none.

        Parameters
        ----------
        bands : sequence of str
            The bands.
        """
        return FoundFields(self._places, self._names, tuple(bands))


def find_fields(
    inputs: Iterable[str | Path | FieldSource],
    report: Callable[[str | Path | FieldSource, InputError], None] | None = None,
) -> FoundFields:
    """Find the fields of the inputs, in the order given.

    Memory is needed for some tens of bytes of each field while they are found, and then for some
    ten bytes.

    Parameters
    ----------
    inputs : iterable of str, Path or FieldSource
        Image files, folders (searched recursively in the order of names, without hidden files) and
        triples ``red.fits,green.fits,blue.fits``.  Repeated fields are taken once.  Addresses are
        taken as they are.
    report : callable, optional
        Called with the input, or the path, and an error for each input that does not exist or holds
        no image, and each part of a folder that cannot be searched: a folder that may not be read,
        or a link to a folder, which could lead back to this one.  By default, the first error is
        raised.

    Returns
    -------
    FoundFields
        Identifiers are unique, even ignoring case: fields of the same name are prefixed by the name
        of their folder.

    Raises
    ------
    InputError
        If a path does not exist, or a folder holds no image, and `report` is not given.
    """
    places = PackedTexts()

    def add() -> Iterator[str]:
        """Add the place of each field; yield a text that is the same for the same field."""
        for given in inputs:
            try:
                for key, place in _fields_of(given, report):
                    places.append(json.dumps(place))
                    yield key
            except InputError as error:
                if report is None:
                    raise
                report(given, error)

    _, first = np.unique(text_digests(add()), return_index=True)
    if len(first) < len(places):
        places = PackedTexts(places[number] for number in np.sort(first).tolist())
    return _with_unique_names(places)


def _fields_of(
    given: str | Path | FieldSource,
    report: Callable[[str | Path | FieldSource, InputError], None] | None,
) -> Iterator[tuple[str, str | dict[str, Any]]]:
    """Yield what is the same for the same field, and the place of it, for each field of an input.

    A place is the file of a field, or its source if that is more than a file.
    """
    source = given if isinstance(given, FieldSource) else field_source(given)
    if source.urls:
        yield "\0".join((*source.places, *source.images)), source.as_dict()
        return
    for path in source.paths:
        _check_exists(path)
    if len(source.paths) == 1 and source.paths[0].is_dir():
        for image in _images_of(source.paths[0], report):
            # Path.resolve raises an error for a link that leads to itself.
            yield os.path.realpath(image), image
        return
    key = "\0".join((*map(os.path.realpath, source.paths), *source.images))
    single = str(source.paths[0])
    yield key, single if source == _single_file(single) else source.as_dict()


def _single_file(path: str) -> FieldSource:
    paths = (Path(path),)
    return FieldSource(field_name(paths), paths)


def _check_exists(path: Path) -> None:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise InputError(
                f"{path} does not exist. Check the spelling and the folder."
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read {path}: {reason}.") from error


def _images_of(
    folder: Path, report: Callable[[str | Path | FieldSource, InputError], None] | None
) -> Iterator[str]:
    """Yield the images in a folder; the parts that cannot be searched are reported."""
    empty = True

    def problem(path: Path, text: str) -> None:
        nonlocal empty
        empty, error = False, InputError(text)
        if report is None:
            raise error
        report(path, error)

    def closed(error: OSError) -> None:
        text = f"Cannot read the folder {error.filename}: {error.strerror}."
        problem(Path(error.filename), text)

    for parent, folders, files in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for link in (Path(parent, name) for name in folders):
            if link.is_symlink():  # which os.walk does not follow
                problem(
                    link,
                    f"{link} is a link to a folder, which is not searched. Give it by its name.",
                )
        for name in sorted(files):
            if not name.startswith(".") and has_field_suffix(name):
                empty = False
                yield os.path.join(parent, name)
    if empty:
        raise InputError(
            f"{folder} holds no image. Give a folder with "
            f"{', '.join(sorted({suffix.lstrip('.') for suffix in PICTURE_SUFFIXES}))} "
            "or FITS files."
        )


def _with_unique_names(places: Sequence[str]) -> FoundFields:
    """Return fields whose identifiers differ, even ignoring case."""
    found = FoundFields(places)
    repeated = _repeated(source.identifier for source in found)
    if not repeated.any():
        return found

    def longer(source: FieldSource) -> str:
        path = Path(os.path.realpath(source.paths[0]))
        return safe_name(f"{path.parent.name}_{source.identifier}", default="field")

    def longest(source: FieldSource) -> str:
        path = source.paths[0]
        suffix = path.name[len(file_stem(path)) :].replace(".", "_")
        return safe_name(longer(source) + suffix, default="field")

    names = PackedTexts(source.identifier for source in found)
    for rename in (longer, longest):
        names = PackedTexts(
            rename(source) if again else name
            for again, name, source in zip(repeated, names, found, strict=True)
        )
        repeated = _repeated(names)
    return FoundFields(places, PackedTexts(_numbered(names)) if repeated.any() else names)


def _repeated(names: Iterable[str]) -> NDArray[np.bool_]:
    """Return which names occur more than once, without regard to case."""
    digests = text_digests(name.casefold() for name in names)
    _, place, count = np.unique(digests, return_inverse=True, return_counts=True)
    return np.asarray(count[place] > 1)


def _numbered(names: Iterable[str]) -> Iterator[str]:
    """Yield names that differ without regard to case, by numbers at the end of repeated ones."""
    taken: set[str] = set()
    following: dict[str, int] = {}
    for name in names:
        folded, unique = name.casefold(), name
        while unique.casefold() in taken:
            number = following.get(folded, 2)
            following[folded] = number + 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        yield unique
