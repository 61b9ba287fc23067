"""Parts: files of results, written once, from which the catalogue is collected.

A part holds the results of some work units, such as fields.  Its first line is a header in JSON
with the keys of its units, their places in the file and the fingerprint of the run; each further
line is one result in JSON.  The name of a part is the checksum of its content, so a part that was
damaged, or cut off by a crash of the machine, is recognised and its units are done again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import atomic_path

__all__ = ["PARTS", "PartIndex", "place_of", "read_parts", "write_part"]

logger = logging.getLogger("galpipe")

PARTS = "parts"
"""Folder of the parts in an output folder."""

_DIGITS = 32  # of the checksum, 128 bits


def write_part(
    folder: Path, fingerprint: str, units: Sequence[tuple[int, Sequence[dict[str, Any]]]]
) -> str:
    """Write the results of some units as one part.

    Parameters
    ----------
    folder : Path
        Output folder.
    fingerprint : str
        Fingerprint of the run.
    units : sequence of (int, sequence of dict)
        Key of each unit, an unsigned 64-bit integer, and its results, in types supported by JSON.

    Returns
    -------
    str
        Name of the part.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    lines, places, start = [], [], 0
    for key, results in units:
        text = "".join(json.dumps(result, separators=(",", ":")) + "\n" for result in results)
        places.append([key, start, len(text)])
        start += len(text)
        lines.append(text)
    header = json.dumps({"fingerprint": fingerprint, "units": places})
    content = "".join([header, "\n", *lines]).encode("ascii")
    name = f"{hashlib.sha256(content).hexdigest()[:_DIGITS]}.jsonl"
    with atomic_path(folder / PARTS / name) as beside:
        beside.write_bytes(content)
    return name


@dataclass(frozen=True)
class PartIndex:
    """Places of the results of all finished units.

    Attributes
    ----------
    folder : Path
        Folder of the parts.
    names : ndarray of bytes
        Names of the parts, without suffix.
    keys : ndarray of uint64, shape (N,)
        Keys of the units, sorted.
    places : ndarray of int64, shape (N, 3)
        Part, offset and length in bytes of each.
    """

    folder: Path
    names: NDArray[np.bytes_]
    keys: NDArray[np.uint64]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: int) -> bool:
        return self._find(key) is not None

    def results(self, key: int) -> Iterator[dict[str, Any]]:
        """Yield the results of a unit, in order.

        Parameters
        ----------
        key : int
            Key of a finished unit.
        """
        found = self._find(key)
        if found is None:
            return
        number, offset, length = self.places[found].tolist()
        with (self.folder / f"{self.names[number].decode()}.jsonl").open("rb") as part:
            part.seek(offset)
            content = part.read(length)
        for line in content.splitlines():
            yield json.loads(line)

    def _find(self, key: int) -> int | None:
        return place_of(np.uint64(key), self.keys)


def place_of(key: np.uint64, keys: NDArray[np.uint64]) -> int | None:
    """Return the place of a key, or None if it is not there.

    Parameters
    ----------
    key : uint64
        The key.
    keys : ndarray of uint64, shape (N,)
        Keys, sorted.
    """
    place = int(np.searchsorted(keys, key))
    return place if place < len(keys) and keys[place] == key else None


def read_parts(folder: Path, fingerprint: str) -> PartIndex:
    """Index the parts of a run.

    Parts of other runs and damaged ones are left out; damaged ones are noted.

    Parameters
    ----------
    folder : Path
        Output folder.
    fingerprint : str
        Fingerprint of the run.
    """
    names: list[str] = []
    keys: list[NDArray[np.uint64]] = []
    places: list[NDArray[np.int64]] = []
    # In the order of names, so that the same parts always give the same results.
    for path in sorted((folder / PARTS).glob(f"{'[0-9a-f]' * _DIGITS}.jsonl")):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest()[:_DIGITS] != path.stem:
            logger.warning("%s is damaged and is not used; its fields are done again", path)
            continue
        head, _, _ = content.partition(b"\n")
        header = json.loads(head)
        if header["fingerprint"] != fingerprint or not header["units"]:
            continue
        units = np.array(header["units"], dtype=np.uint64)
        keys.append(units[:, 0])
        place = np.full((len(units), 3), len(names), dtype=np.int64)
        place[:, 1:] = units[:, 1:]
        place[:, 1] += len(head) + 1
        places.append(place)
        names.append(path.stem)
    known = np.array(names, dtype=f"S{_DIGITS}")
    if not names:
        return PartIndex(folder / PARTS, known, np.zeros(0, np.uint64), np.zeros((0, 3), np.int64))
    # A unit that was done twice has the same results in both parts: the first is taken.
    unique, first = np.unique(np.concatenate(keys), return_index=True)
    return PartIndex(folder / PARTS, known, unique, np.concatenate(places)[first])
