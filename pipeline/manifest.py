"""Manifest of a run, ``parts/fields.jsonl``: its fields in the order of the catalogue.

The first line is the place of the output folder, to which the paths of the fields are relative: a
run can be opened in any working folder, and after it was moved, with its fields or without them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OutputError
from ..files.atomic import atomic_path
from ..files.packed_texts import text_digests
from ..imaging import FieldSource
from .parts import PARTS, place_of
from .plan import digest
from .provenance import Failure
from .recorded_paths import absolute_path, from_folder, relative_to_folder

__all__ = ["FieldTask", "join_manifests", "read_manifest", "write_manifest"]

_MANIFEST = f"{PARTS}/fields.jsonl"
_LISTED = 5  # fields named in a message
_BLOCK = 4096  # fields whose names are compared at once


@dataclass(frozen=True)
class FieldTask:
    """One source of fields, the unit of work.

    Attributes
    ----------
    key : int
        Key of its results, which is another one when a file has changed.
    source : FieldSource
        A file or three bands; a file of a mosaic camera holds several fields.
    taken : tuple of str
        Identifiers of other sources, in lower case, that begin with that of this one and a hyphen.
    failed : dict of int to str
        Messages of its fields, by number, that must not be processed (again): those that ended
        their process or took too long.
    """

    key: int
    source: FieldSource
    taken: tuple[str, ...] = ()
    failed: dict[int, str] = field(default_factory=dict)


def write_manifest(
    folder: Path, sources: Sequence[FieldSource], failures: Iterable[Failure]
) -> None:
    """List the fields of a run; an earlier list is replaced if all its fields are among them.

    Parameters
    ----------
    folder : Path
        Output folder.
    sources : sequence of FieldSource
        The fields, in the order of the catalogue.
    failures : iterable of Failure
        Inputs without a field.

    Raises
    ------
    OutputError
        If fields of an earlier list are missing, or the list cannot be written.
    """
    identities = np.fromiter(map(_identity, sources), np.uint64, len(sources))
    identities = _with_earlier(folder, identities)
    taken = _longer_names(sources)
    with _open_list(folder) as add:
        for failure in failures:
            add({"failure": asdict(failure)})
        for number, (source, identity) in enumerate(zip(sources, identities, strict=True)):
            add(
                {
                    "identity": int(identity),
                    "key": _number(int(identity), _stamps(source)),
                    "source": source,
                    "taken": sorted(taken.get(number, ())),
                }
            )


def join_manifests(folder: Path, parts: Sequence[Path]) -> None:
    """Write the list of the fields of several runs, each field once.

    Parameters
    ----------
    folder : Path
        Output folder of the whole.
    parts : sequence of Path
        Output folders of the runs.

    Raises
    ------
    InputError
        If different fields have one name, or a list is damaged.
    OutputError
        If the list cannot be written.
    """
    places: dict[str, tuple[int, Path]] = {}
    with _open_list(folder) as add:
        # As in the list of one run: what has no field comes first.
        for fields in (False, True):
            for part in parts:
                for content in _entries(part):
                    if ("source" in content) != fields:
                        continue
                    if fields:
                        source = _present(content)
                        name, identity = source.identifier, _identity(source)
                        known, there = places.setdefault(name.casefold(), (identity, part))
                        if there != part and known == identity:
                            continue
                        if known != identity:
                            raise InputError(
                                f"{part}: its field {name} has the name of another one in {there}. "
                                "Run one of them again with its file, or a folder around it, "
                                "renamed, or give both to one run."
                            )
                        content["source"] = source
                    add(content)


def read_manifest(folder: Path) -> Iterator[FieldTask | Failure]:
    """Yield the inputs without a field and then the fields of a run, one at a time.

    Paths are absolute.  The files of a run that was moved are looked for where they are relative to
    its folder now, and where they were; those that the run read are recognised by size and time.

    Parameters
    ----------
    folder : Path
        Output folder.

    Raises
    ------
    InputError
        If the list is damaged.
    """
    for content in _entries(folder):
        if "failure" in content:
            yield Failure(**content["failure"])
        else:
            yield FieldTask(content["key"], _present(content), tuple(content["taken"]))


@contextmanager
def _open_list(folder: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Write a list within the ``with`` block, by the function that adds an entry."""
    place = absolute_path(folder)
    with atomic_path(folder / _MANIFEST) as beside, beside.open("w", encoding="ascii") as lines:

        def add(content: dict[str, Any]) -> None:
            if "source" in content:
                source = relative_to_folder(content["source"], place)
                content = content | {"source": source.as_dict()}
            lines.write(json.dumps(content) + "\n")

        add({"folder": str(place)})
        yield add


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the failures and fields of a list, each field with the sources that it may be now."""
    now = absolute_path(folder)
    places: list[Path] = []
    for content in _manifest_lines(folder):
        if "folder" in content:
            places = [now, *({Path(content["folder"])} - {now})]
            continue
        if "source" in content:
            source = FieldSource.from_dict(content["source"])
            # Runs of earlier versions have paths of the working folder that they were started in.
            content["source"] = [from_folder(source, place) for place in places] or [source]
        yield content


def _present(content: dict[str, Any]) -> FieldSource:
    """Return the source of an entry that was processed, or else one that exists."""
    candidates: list[FieldSource] = content["source"]
    if len(candidates) > 1:
        for source in candidates:
            if _number(content["identity"], _stamps(source)) == content["key"]:
                return source
        for source in candidates:
            if all(_stamps(source)):
                return source
    return candidates[0]


def _manifest_lines(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / _MANIFEST).open(encoding="ascii") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InputError(
                    f"{folder / _MANIFEST}: line {number} is damaged. Repeat the run with "
                    "--overwrite."
                ) from error


def _with_earlier(folder: Path, identities: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the identities, those of an earlier list for the fields that are in it.

    So fields are recognised that were moved with the output folder.
    """
    if not (folder / _MANIFEST).exists():
        return identities
    order = np.argsort(identities)
    given, kept = identities[order], identities.copy()
    missing = []
    for content in _entries(folder):
        if "source" not in content:
            continue
        candidates = [np.uint64(_identity(source)) for source in content["source"]]
        found = [place_of(identity, given) for identity in candidates]
        place = next((place for place in found if place is not None), None)
        if place is None:
            missing.append(content["source"][0].identifier)
        else:
            kept[order[place]] = content["identity"]
    if missing:
        named = ", ".join(missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
        raise OutputError(
            f"{folder}: holds a run with fields that are not among those given now ({named}). Give "
            "these too, choose another output folder, or add --overwrite (in Python: "
            "overwrite=True) to replace it."
        )
    return kept


def _longer_names(sources: Sequence[FieldSource]) -> dict[int, list[str]]:
    """Return, by the number of a field, the names that begin with its name and a hyphen.

    Names are in lower case; most fields have none.
    """
    names = text_digests(source.identifier.casefold() for source in sources)
    order = np.argsort(names)
    known = names[order]
    found: dict[int, list[str]] = {}
    for first in range(0, len(sources), _BLOCK):
        longer, starts = [], []
        for source in sources[first : first + _BLOCK]:
            name = source.identifier.casefold()
            for hyphen in re.finditer("-", name):
                longer.append(name)
                starts.append(name[: hyphen.start()])
        wanted = text_digests(starts)
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        for match in np.flatnonzero(known[places] == wanted).tolist():
            found.setdefault(int(order[places[match]]), []).append(longer[match])
    return found


def _identity(source: FieldSource) -> int:
    urls = source.urls or ("",) * len(source.paths)
    places = [url or os.path.realpath(path) for url, path in zip(urls, source.paths, strict=True)]
    return _number(source.identifier, places, source.images, source.bands)


def _stamps(source: FieldSource) -> Sequence[Any]:
    return source.versions or [_stamp(path) for path in source.paths]


def _stamp(path: Path) -> list[int]:
    """Return size and time of a file, by which a changed file is recognised."""
    try:
        state = path.stat()
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]


def _number(*content: Any) -> int:
    return int(digest(content)[:16], 16)
