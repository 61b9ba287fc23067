"""Read which object each image shows, and where it lies on the sky, from a table."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations.image_lookup import image_stem
from ..errors import InputError
from ..files.safe_readers import read_text

__all__ = ["Identities", "read_identifiers"]

MAX_BYTES = 2**29
"""Galaxy Zoo's largest table of identifiers and positions has 0.1 GB."""

_FILE_COLUMNS = ("filename", "file")


@dataclass(frozen=True, eq=False)
class Identities:
    """What images are about.

    Attributes
    ----------
    identifiers : tuple of str
        Of each image: what the table says, or else the stem of its name.
    ra, dec : ndarray, shape (N,)
        ICRS degrees; NaN where the table does not say.
    """

    identifiers: tuple[str, ...]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]

    @classmethod
    def from_names(cls, names: Sequence[str]) -> Identities:
        """Return what the names alone say: the stem of each, and no position."""
        unknown = np.full(len(names), np.nan)
        return cls(tuple(image_stem(name) for name in names), unknown, unknown)


def read_identifiers(table: str | Path, names: Sequence[str]) -> Identities:
    """Read a table of the objects that images show.

    Parameters
    ----------
    table : str or Path
        CSV with the column ``filename`` (or ``file``) and with ``identifier``, or ``ra`` and
        ``dec`` in degrees, or all three.  Any field but the first may be empty.
    names : sequence of str
        Names of the images, with folders as they lie in the image folder; the table may leave out
        the extension.  Its other rows are ignored.

    Raises
    ------
    InputError
        If the table cannot be read, lacks columns, holds no position where one should be,
        contradicts itself, or names none of the images.
    """
    table = Path(table)
    wanted: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        for spelling in {name, str(Path(name).with_name(image_stem(name)))}:
            wanted[spelling].append(index)
    found: dict[int, tuple[str, float, float]] = {}
    for line, row in _rows(table):
        where = f"{table}, line {line}"
        name = next(row[column] for column in _FILE_COLUMNS if column in row).replace("\\", "/")
        if name not in wanted:
            continue
        said = row.get("identifier", ""), _degrees(row, "ra", where), _degrees(row, "dec", where)
        for index in wanted[name]:
            if str(found.setdefault(index, said)) != str(said):
                raise InputError(f"{where} says something else of {name!r} than an earlier line.")
    if not found:
        raise InputError(f"{table} names none of the {len(names)} images. Check its file names.")
    stems = Identities.from_names(names)
    identifiers, ra, dec = list(stems.identifiers), stems.ra.copy(), stems.dec.copy()
    for index, (identifier, right, up) in found.items():
        identifiers[index] = identifier or identifiers[index]
        ra[index], dec[index] = right, up
    return Identities(tuple(identifiers), ra, dec)


def _rows(table: Path) -> list[tuple[int, Mapping[str, str]]]:
    lines = csv.reader(io.StringIO(read_text(table, MAX_BYTES), newline=""))
    try:
        header = [column.strip().lower() for column in next(lines, [])]
        if not set(_FILE_COLUMNS) & set(header) or not (
            "identifier" in header or {"ra", "dec"} <= set(header)
        ):
            raise InputError(
                f"{table} has the columns {', '.join(header)[:200]}; it needs 'filename', and "
                "'identifier' or 'ra' and 'dec'."
            )
        return [
            (lines.line_num, {c: cell.strip() for c, cell in zip(header, cells, strict=True)})
            for cells in lines
            if cells
        ]
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"{table}, line {lines.line_num} is not a row of the table ({error}). Export it again."
        ) from error


def _degrees(row: Mapping[str, str], column: str, where: str) -> float:
    text = row.get(column, "")
    if not text:
        return float("nan")
    low, high = (0.0, 360.0) if column == "ra" else (-90.0, 90.0)
    try:
        value = float(text)
    except ValueError:
        value = float("inf")
    if not low <= value <= high:
        raise InputError(f"{where} has the {column} {text[:40]!r}; give degrees, ICRS.")
    return value
