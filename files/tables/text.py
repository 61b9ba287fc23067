"""Tables in plain text: ECSV, CSV and its kin, and SExtractor's ASCII_HEAD."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from ...errors import InputError
from .columns import Columns

__all__ = ["parse_text_columns"]

MAX_HEADER = 2**18
"""Characters: PyYAML reads some 100,000 a second."""
MAX_COLUMNS = 10_000

_SEXTRACTOR = re.compile(r"#\s*(\d{1,5})\s+([A-Za-z]\w*)(?:.*\[([^\]]*)\])?")
_ECSV = "# %ECSV"


def parse_text_columns(path: Path, text: str) -> Columns:
    r"""Return the columns of a text table, whichever of the three kinds it is.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    text : str
        Its content.  ECSV (astropy's enhanced CSV) begins with ``# %ECSV`` and SExtractor's
        ASCII_HEAD with ``# 1 NAME``; any other text has its column names in the first row, or in
        the comment before it, apart by commas, semicolons, tabs or blanks, whichever of these comes
        first in this order.

    Raises
    ------
    InputError
        If it is no such table, or rows have other numbers of cells than there are columns.
    """
    # Not splitlines, which also parts lines at rare characters that a name may contain.
    lines = text.replace("\r\n", "\n").split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith(_ECSV):
        return _ecsv(path, lines)
    if (found := _SEXTRACTOR.match(first)) and found[1] == "1":
        return _ascii_head(path, lines)
    return _delimited(path, lines)


def _ascii_head(path: Path, lines: Iterable[str]) -> Columns:
    """Read SExtractor's own text: a comment numbers each column; one of vectors takes several."""
    places: dict[str, int] = {}
    units: dict[str, str] = {}
    rows: list[list[str]] = []
    for line in lines:
        if found := _SEXTRACTOR.match(line.strip()):
            places[found[2]] = int(found[1]) - 1
            units[found[2]] = found[3] or ""
        elif line.strip() and not line.lstrip().startswith("#"):
            rows.append(line.split())
    width = max(places.values()) + 1
    if width > MAX_COLUMNS or min(places.values()) < 0:
        raise InputError(f"{path} numbers a column 0 or beyond {MAX_COLUMNS}. Write it again.")
    short = next((number for number, row in enumerate(rows, 1) if len(row) < width), None)
    if short is not None:
        raise InputError(
            f"{path}: row {short} has {len(rows[short - 1])} values, but the header names "
            f"{width}. The file is cut short or damaged: write it again."
        )
    return Columns(path, {name: [r[place] for r in rows] for name, place in places.items()}, units)


def _ecsv(path: Path, lines: Sequence[str]) -> Columns:
    comments = [line[2:] for line in lines if line.startswith("# ") or line == "#"]
    header = "\n".join(comments[1:])
    if len(header) > MAX_HEADER:
        raise InputError(f"{path} has a header of more than {MAX_HEADER >> 10} KiB.")
    try:
        # Every value is left as text, and tags, which would make objects, are passed over.
        content = yaml.load(header, Loader=yaml.BaseLoader)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a table's header.") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} has a damaged ECSV header ({reason}). Write it again.") from error
    content = content if isinstance(content, dict) else {}
    fields = content.get("datatype")
    units = {
        field["name"]: field["unit"]
        for field in (fields if isinstance(fields, list) else ())
        if isinstance(field, dict)
        and all(isinstance(field.get(key), str) for key in ("name", "unit"))
    }
    delimiter = "," if content.get("delimiter") == "," else " "
    rows = _rows(path, [line for line in lines if not line.startswith("#")], delimiter)
    return _from_rows(path, rows, units)


def _delimited(path: Path, lines: Sequence[str]) -> Columns:
    comments = [line for line in lines if line.lstrip().startswith("#")]
    plain = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not plain:
        plain = [comments.pop().lstrip("# \t")] if comments else []
    elif comments and _all_numbers(plain[0]):
        # numpy.savetxt and others write the names as a comment.
        plain = [comments[-1].lstrip("# \t"), *plain]
    if not plain:
        raise InputError(f"{path} is empty. Give a table with its column names.")
    delimiter = next((mark for mark in ",;\t" if mark in plain[0]), " ")
    if delimiter == " ":
        return _from_rows(path, [line.split() for line in plain], {})
    return _from_rows(path, _rows(path, plain, delimiter), {})


def _rows(path: Path, lines: Iterable[str], delimiter: str) -> list[list[str]]:
    try:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        return [row for row in reader if row]
    except csv.Error as error:
        raise InputError(f"{path} is not a table in text ({error}). Write it again.") from error


def _from_rows(path: Path, rows: Sequence[Sequence[str]], units: dict[str, str]) -> Columns:
    if not rows:
        raise InputError(f"{path} is empty. Give a table with its column names.")
    names = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            raise InputError(
                f"{path}: row {number} has {len(row)} cells, but there are {len(names)} columns. "
                "Write it again."
            )
    return Columns(
        path,
        {name: [row[place] for row in rows[1:]] for place, name in enumerate(names)},
        units,
    )


def _all_numbers(line: str) -> bool:
    try:
        return bool([float(cell) for cell in re.split(r"[,;\s]+", line.strip())])
    except ValueError:
        return False
