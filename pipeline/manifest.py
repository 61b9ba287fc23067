"""Manifest of a run, ``parts/fields.jsonl``: its fields in the order of the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
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
    _refuse_missing(folder, identities)
    taken = _longer_names(sources)
    with atomic_path(folder / _MANIFEST) as beside, beside.open("w", encoding="ascii") as lines:
        for failure in failures:
            lines.write(json.dumps({"failure": asdict(failure)}) + "\n")
        for number, (source, identity) in enumerate(zip(sources, identities, strict=True)):
            line = {
                "identity": int(identity),
                "key": _number(int(identity), _stamps(source)),
                "source": source.as_dict(),
                "taken": sorted(taken.get(number, ())),
            }
            lines.write(json.dumps(line) + "\n")


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
    with atomic_path(folder / _MANIFEST) as beside, beside.open("w", encoding="ascii") as lines:
        # As in the list of one run: what has no field comes first.
        for fields in (False, True):
            for part in parts:
                for content in _manifest_lines(part):
                    if ("identity" in content) != fields:
                        continue
                    if fields:
                        name, identity = content["source"]["identifier"], content["identity"]
                        known, there = places.setdefault(name.casefold(), (identity, part))
                        if there != part and known == identity:
                            continue
                        if known != identity:
                            raise InputError(
                                f"{part}: its field {name} has the name of another one in {there}. "
                                "Run one of them again with its file, or a folder around it, "
                                "renamed, or give both to one run."
                            )
                    lines.write(json.dumps(content) + "\n")


def read_manifest(folder: Path) -> Iterator[FieldTask | Failure]:
    """Yield the inputs without a field and then the fields of a run, one at a time.

    Parameters
    ----------
    folder : Path
        Output folder.

    Raises
    ------
    InputError
        If the list is damaged.
    """
    for content in _manifest_lines(folder):
        if "failure" in content:
            yield Failure(**content["failure"])
            continue
        source = FieldSource.from_dict(content["source"])
        yield FieldTask(content["key"], source, tuple(content["taken"]))


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


def _refuse_missing(folder: Path, identities: NDArray[np.uint64]) -> None:
    if not (folder / _MANIFEST).exists():
        return
    given = np.sort(identities)
    missing = [
        content["source"]["identifier"]
        for content in _manifest_lines(folder)
        if "identity" in content and place_of(np.uint64(content["identity"]), given) is None
    ]
    if missing:
        named = ", ".join(missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
        raise OutputError(
            f"{folder}: holds a run with fields that are not among those given now ({named}). Give "
            "these too, choose another output folder, or add --overwrite (in Python: "
            "overwrite=True) to replace it."
        )


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
    places = source.urls or tuple(str(path.absolute()) for path in source.paths)
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
