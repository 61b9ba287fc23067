"""Manifest of a run, ``parts/fields.jsonl``: its fields in the order of the catalogue."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OutputError
from ..files.atomic import atomic_path
from ..imaging import FieldSource
from .parts import PARTS
from .plan import digest
from .provenance import Failure

__all__ = ["FieldTask", "join_manifests", "read_manifest", "write_manifest"]

_MANIFEST = f"{PARTS}/fields.jsonl"
_LISTED = 5  # fields named in a message


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
    names = sorted(source.identifier.casefold() for source in sources)
    with atomic_path(folder / _MANIFEST) as beside, beside.open("w", encoding="ascii") as lines:
        for failure in failures:
            lines.write(json.dumps({"failure": asdict(failure)}) + "\n")
        for source, identity in zip(sources, identities, strict=True):
            line = {
                "identity": int(identity),
                "key": _number(int(identity), _stamps(source)),
                "source": asdict(source) | {"paths": [str(path) for path in source.paths]},
                "taken": _starting(names, f"{source.identifier.casefold()}-"),
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
        source: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content["source"].items()
        }
        source["paths"] = tuple(map(Path, source["paths"]))
        yield FieldTask(content["key"], FieldSource(**source), tuple(content["taken"]))


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
    given = set(identities.tolist())
    missing = [
        content["source"]["identifier"]
        for content in _manifest_lines(folder)
        if "identity" in content and content["identity"] not in given
    ]
    if missing:
        named = ", ".join(missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
        raise OutputError(
            f"{folder}: holds a run with fields that are not among those given now ({named}). Give "
            "these too, choose another output folder, or add --overwrite (in Python: "
            "overwrite=True) to replace it."
        )


def _starting(names: Sequence[str], start: str) -> list[str]:
    """Return the names that begin with a text, of a sorted sequence."""
    first = bisect_left(names, start)
    last = first
    while last < len(names) and names[last].startswith(start):
        last += 1
    return list(names[first:last])


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
