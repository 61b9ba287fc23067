"""Read survey identifiers and sky positions of images from tables."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations.images import image_stem
from ..errors import InputError
from ..files.safe_readers import read_text
from .labels import Position

__all__ = ["POSITION_COLUMNS", "Identities", "read_identifiers", "table_positions"]

MAX_BYTES = 2**29
"""Size limit of a table; Galaxy Zoo's largest one of identifiers and positions has 0.1 GB."""

POSITION_COLUMNS = ("ra", "dec")

_FILE_COLUMNS = ("filename", "file")


@dataclass(frozen=True, eq=False)
class Identities:
    """Identifiers and positions of the galaxies on N images.

    Attributes
    ----------
    identifiers : tuple of str
        Identifier from the table, or else the stem of the image's name.
    ra, dec : ndarray of float64, shape (N,)
        ICRS degrees; NaN where unknown.
    """

    identifiers: tuple[str, ...]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]

    @classmethod
    def from_names(cls, names: Sequence[str]) -> Identities:
        """Return the stems of names as identifiers, without positions.

        Images of one stem in different folders are different galaxies: their folder is part of the
        identifier.

        Parameters
        ----------
        names : sequence of str
            Names of the images.
        """
        unknown = np.full(len(names), np.nan)
        folders: dict[str, set[str]] = defaultdict(set)
        keys = [(name.replace("\\", "/").rpartition("/")[0], image_stem(name)) for name in names]
        for folder, stem in keys:
            folders[stem].add(folder)
        identifiers = (
            f"{folder}/{stem}" if folder and len(folders[stem]) > 1 else stem
            for folder, stem in keys
        )
        return cls(tuple(identifiers), unknown, unknown)


def read_identifiers(table: str | Path, names: Sequence[str]) -> Identities:
    """Read a table of the objects on images.

    Parameters
    ----------
    table : str or Path
        CSV with the column ``filename`` (or ``file``) and with ``identifier``, or ``ra`` and
        ``dec`` in degrees, or all three.  All cells but the file name may be empty.
    names : sequence of str
        Names of the images, relative to the image folder; the table may omit the extension.  Other
        rows of the table are ignored.

    Raises
    ------
    InputError
        If the table cannot be read, lacks columns, has an invalid position or contradictory rows,
        or names none of the images.
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
        entry = row.get("identifier", ""), _degrees(row, "ra", where), _degrees(row, "dec", where)
        for index in wanted[name]:
            # Compared as text, since NaN does not equal itself.
            if str(found.setdefault(index, entry)) != str(entry):
                raise InputError(f"{where} contradicts an earlier line about {name!r}.")
    if not found:
        raise InputError(f"{table} names none of the {len(names)} images. Check its file names.")
    stems = Identities.from_names(names)
    identifiers, ra, dec = list(stems.identifiers), stems.ra.copy(), stems.dec.copy()
    for index, (identifier, right_ascension, declination) in found.items():
        identifiers[index] = identifier or identifiers[index]
        ra[index], dec[index] = right_ascension, declination
    return Identities(tuple(identifiers), ra, dec)


def table_positions(table: pd.DataFrame) -> list[Position | None]:
    """Return the sky position in each row of a table.

    Parameters
    ----------
    table : DataFrame
        Table that may have the columns ``ra`` and ``dec``, ICRS degrees as numbers or text.

    Returns
    -------
    list of (float, float) or None
        None where a cell is empty or not a valid position.
    """
    if not set(POSITION_COLUMNS) <= set(table.columns):
        return [None] * len(table)
    ra, dec = (pd.to_numeric(table[column], errors="coerce") for column in POSITION_COLUMNS)
    known = ra.between(0, 360) & dec.between(-90, 90)
    return [
        (float(x), float(y)) if is_known else None
        for x, y, is_known in zip(ra, dec, known, strict=True)
    ]


def _rows(table: Path) -> list[tuple[int, Mapping[str, str]]]:
    """Return the line number and the cells by column of each row."""
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
        raise InputError(f"{where} has the {column} {text[:40]!r}; give ICRS degrees.")
    return value
