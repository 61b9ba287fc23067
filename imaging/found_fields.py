"""Find the fields among files, folders and triples of bands, and give each a name of its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, overload

from ..errors import InputError
from ..files.names import safe_name
from .field_discovery import (
    FieldSource,
    field_name,
    field_source,
    file_stem,
    has_field_suffix,
)
from .picture import PICTURE_SUFFIXES

__all__ = ["FoundFields", "find_fields"]

# A single file takes a fifth of the memory of its source.
_Place: TypeAlias = str | FieldSource


class FoundFields(Sequence[FieldSource]):
    """Fields in the order found, whose sources are made when they are asked for.

    Parameters
    ----------
    places : sequence of str or FieldSource
        The file of each field, or its source if that is more than a file.
    names : mapping of int to str
        Identifiers of fields, by number, that are not those of their sources.
    bands : tuple of str
        Selected bands of all fields, as in `FieldSource`.
    """

    def __init__(
        self,
        places: Sequence[_Place],
        names: Mapping[int, str] = MappingProxyType({}),
        bands: tuple[str, ...] = (),
    ) -> None:
        self._places, self._names, self._bands = places, names, bands

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> FieldSource: ...

    @overload
    def __getitem__(self, number: slice) -> list[FieldSource]: ...

    def __getitem__(self, number: int | slice) -> FieldSource | list[FieldSource]:
        """Return a field, or several.

        Parameters
        ----------
        number : int or slice
            Its number, from 0.
        """
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        number = range(len(self))[number]
        place = self._places[number]
        source = _single_file(place) if isinstance(place, str) else place
        name = self._names.get(number, source.identifier)
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
    report: Callable[[Path, InputError], None] | None = None,
) -> FoundFields:
    """Find the fields of the inputs, in the order given.

    Parameters
    ----------
    inputs : iterable of str, Path or FieldSource
        Image files, folders (searched recursively in the order of names, without hidden files) and
        triples ``red.fits,green.fits,blue.fits``.  Repeated fields are taken once.  Addresses are
        taken as they are.
    report : callable, optional
        Called with the path and an error for each part of a folder that cannot be searched: a
        folder that may not be read, or a link to a folder, which could lead back to this one.  By
        default, the first error is raised.

    Returns
    -------
    FoundFields
        Identifiers are unique, even ignoring case: fields of the same name are prefixed by the name
        of their folder.

    Raises
    ------
    InputError
        If a path does not exist, or a folder holds no image.
    """
    places: dict[str, _Place] = {}
    for name in inputs:
        source = name if isinstance(name, FieldSource) else field_source(name)
        if source.urls:
            places.setdefault("\0".join((*source.places, *source.images)), source)
            continue
        for path in source.paths:
            _check_exists(path)
        if len(source.paths) == 1 and source.paths[0].is_dir():
            for image in _images_of(source.paths[0], report):
                # Path.resolve raises an error for a link that leads to itself.
                resolved = os.path.realpath(image)
                # Mostly they are equal: one text for both.
                places.setdefault(resolved, resolved if resolved == image else image)
            continue
        key = "\0".join((*map(os.path.realpath, source.paths), *source.images))
        single = str(source.paths[0])
        places.setdefault(key, single if source == _single_file(single) else source)
    return _with_unique_names(list(places.values()))


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


def _images_of(folder: Path, report: Callable[[Path, InputError], None] | None) -> list[str]:
    """Return the images in a folder; the parts that cannot be searched are reported."""
    images, problems = _images_in(folder)
    for path, problem in problems:
        if report is None:
            raise problem
        report(path, problem)
    if not images and not problems:
        raise InputError(
            f"{folder} holds no image. Give a folder with "
            f"{', '.join(sorted({suffix.lstrip('.') for suffix in PICTURE_SUFFIXES}))} "
            "or FITS files."
        )
    return images


def _images_in(folder: Path) -> tuple[list[str], list[tuple[Path, InputError]]]:
    """Return the images in a folder, and the parts of it that cannot be searched."""
    problems: list[tuple[Path, InputError]] = []

    def closed(error: OSError) -> None:
        text = f"Cannot read the folder {error.filename}: {error.strerror}."
        problems.append((Path(error.filename), InputError(text)))

    found: list[str] = []
    for parent, folders, files in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for link in (Path(parent, name) for name in folders):
            if link.is_symlink():  # which os.walk does not follow
                text = f"{link} is a link to a folder, which is not searched. Give it by its name."
                problems.append((link, InputError(text)))
        found += [
            os.path.join(parent, name)
            for name in sorted(files)
            if not name.startswith(".") and has_field_suffix(name)
        ]
    return found, problems


def _with_unique_names(places: list[_Place]) -> FoundFields:
    """Return fields whose identifiers differ, even ignoring case."""
    found = FoundFields(places)
    if not _repeated(source.identifier for source in found):
        return found

    def longer(source: FieldSource) -> str:
        path = Path(os.path.realpath(source.paths[0]))
        return safe_name(f"{path.parent.name}_{source.identifier}", default="field")

    def longest(source: FieldSource) -> str:
        path = source.paths[0]
        suffix = path.name[len(file_stem(path)) :].replace(".", "_")
        return safe_name(longer(source) + suffix, default="field")

    names = [source.identifier for source in found]
    for rename in (longer, longest):
        repeated = _repeated(names)
        names = [
            rename(source) if name.casefold() in repeated else name
            for name, source in zip(names, found, strict=True)
        ]
    taken: set[str] = set()
    for place, name in enumerate(names):
        number, unique = 2, name
        while unique.casefold() in taken:
            unique = f"{name}-{number}"
            number += 1
        taken.add(unique.casefold())
        names[place] = unique
    pairs = enumerate(zip(names, found, strict=True))
    return FoundFields(places, {n: name for n, (name, own) in pairs if name != own.identifier})


def _repeated(names: Iterable[str]) -> set[str]:
    """Return the names that occur more than once, without regard to case."""
    ordered = sorted(name.casefold() for name in names)
    return {name for name, following in pairwise(ordered) if name == following}
