"""Parse tables in plain text: ECSV, delimited text such as CSV, and SExtractor's ASCII_HEAD."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ..errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["parse_text_table"]

MAX_HEADER = 2**18
"""Maximum length of an ECSV header; PyYAML parses about 100,000 characters per second."""
MAX_COLUMNS = 10_000

_HEAD = 2**16
_COMMENT = re.compile(rb"(?m)^[ \t]*#[^\n]*(?:\n|\Z)")
_SEXTRACTOR = re.compile(r"#\s*(\d{1,5})\s+([A-Za-z]\w*)(?:.*\[([^\]]*)\])?")
_ECSV = "# %ECSV"
_NOT_NUMBERS = ("", "--", "N/A", "NA", "NULL", "NaN", "None", "nan", "null")
_BLANKS = r"\s+"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*")


def parse_text_table(
    path: Path,
    content: bytes,
    choose: Callable[[Sequence[str]], Sequence[str]],
    text: Collection[str] | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of a text table and their units.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    content : bytes
        UTF-8.  ECSV (astropy's enhanced CSV) begins with ``# %ECSV`` and SExtractor's ASCII_HEAD
        with ``# 1 NAME``; other text has its column names in the first row, or in the comment
        before it, delimited by comma, semicolon or tab, whichever is most frequent, else by blanks.
    choose : callable
        Takes the names of all columns and returns those to read.
    text : collection of str, optional
        Columns kept as text; the others are read as numbers.  By default all are text.

    Returns
    -------
    values : dict of str to list of str or ndarray
        The chosen columns.
    units : dict of str to str
        Units of the columns that have one.

    Raises
    ------
    InputError
        If the text is not such a table, or the number of cells differs between rows.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    lines = content[:_HEAD].decode("utf-8", "replace").splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith(_ECSV):
        delimiter, units = _ecsv_header(path, content)
        return _delimited(path, _without_comments(content), delimiter, choose, text), units
    if (found := _SEXTRACTOR.match(first)) and found[1] == "1":
        return _ascii_head(path, content, choose)
    plain = next((line for line in lines if line.strip() and not _is_comment(line)), "")
    comments = [line.lstrip("# \t") for line in lines if _is_comment(line)]
    content = _without_comments(content)
    if comments and (not plain or _all_numbers(plain)):
        # numpy.savetxt writes the names as a comment.
        plain = comments[-1]
        content = plain.encode() + b"\n" + content
    if not plain.strip():
        raise InputError(f"{path} is empty. Give a table with its column names.")
    delimiter = _delimiter(plain)
    values = _delimited(path, content, delimiter, choose, text)
    if delimiter in ";\t":
        values = {name: _with_points(column) for name, column in values.items()}
    return values, {}


def _delimiter(header: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", header)
    mark = max(",;\t", key=unquoted.count)
    return mark if mark in unquoted else _BLANKS


def _with_points(column: Any) -> Any:
    """Replace decimal commas, which are written where semicolons or tabs delimit the cells."""
    if not isinstance(column, list):
        return column
    return [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in column]


def _delimited(
    path: Path,
    content: bytes,
    delimiter: str,
    choose: Callable[[Sequence[str]], Sequence[str]],
    text: Collection[str] | None,
) -> dict[str, Any]:
    import pandas as pd

    options: Any = {"sep": delimiter, "index_col": False, "skipinitialspace": True}
    header: pd.DataFrame = pd.read_csv(io.BytesIO(content), nrows=0, **options)
    names = [str(name).strip() for name in header.columns]
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{path} has more than {MAX_COLUMNS} columns.")
    if text is None:
        _refuse_ragged_rows(path, content, delimiter, len(names), first=0)
    chosen = set(choose(names))
    kept = {place: name for place, name in enumerate(names) if name in chosen}
    as_text = {place for place, name in kept.items() if text is None or name in text}
    not_numbers: Any = {place: _NOT_NUMBERS for place in kept if place not in as_text}
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(content),
        header=0,
        names=range(len(names)),
        usecols=list(kept),
        dtype=dict.fromkeys(as_text, str),
        keep_default_na=False,
        na_values=not_numbers,
        low_memory=False,
        **options,
    )
    return {
        name: frame[place].tolist() if place in as_text else _numbers(frame[place])
        for place, name in kept.items()
    }


def _refuse_ragged_rows(
    path: Path, content: bytes, delimiter: str, width: int, *, first: int
) -> None:
    """Raise an error for rows with missing cells, which pandas would fill, or extra cells."""
    lines = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    rows: Iterable[list[str]] = (
        (line.split() for line in lines)
        if delimiter == _BLANKS
        else csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    )
    for number, row in enumerate(filter(None, rows), first):
        if len(row) != width:
            raise InputError(
                f"{path}: row {number} has {len(row)} cells, but there are {width} columns. The "
                "file is cut short or damaged: write it again."
            )


def _numbers(column: pd.Series) -> NDArray[Any]:
    import pandas as pd

    return np.asarray(pd.to_numeric(column, errors="coerce"))


def _ascii_head(
    path: Path, content: bytes, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read SExtractor's ASCII_HEAD: a comment numbers each column; vectors take several."""
    import pandas as pd

    places: dict[str, int] = {}
    units: dict[str, str] = {}
    for comment in _COMMENT.findall(content[:MAX_HEADER]):
        if found := _SEXTRACTOR.match(comment.decode("utf-8", "replace").strip()):
            places[found[2]] = int(found[1]) - 1
            units[found[2]] = found[3] or ""
    if max(places.values()) >= MAX_COLUMNS or min(places.values()) < 0:
        raise InputError(f"{path} numbers a column 0 or beyond {MAX_COLUMNS}. Write it again.")
    body = _without_comments(content)
    if not body.strip():
        return {name: [] for name in choose(list(places))}, units
    # The last column may be a vector, with more cells than names.
    width = max(max(places.values()) + 1, len(body.lstrip().split(b"\n", 1)[0].split()))
    _refuse_ragged_rows(path, body, _BLANKS, width, first=1)
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(body),
        sep=_BLANKS,
        header=None,
        names=range(width),
        index_col=False,
        dtype=str,
        keep_default_na=False,
    )
    return {name: frame[places[name]].tolist() for name in choose(list(places))}, units


def _ecsv_header(path: Path, content: bytes) -> tuple[str, dict[str, str]]:
    """Return the delimiter and the units of the columns."""
    comments = b"\n".join(line.lstrip()[2:] for line in _COMMENT.findall(content)[1:])
    if len(comments) > MAX_HEADER:
        raise InputError(f"{path} has a header of more than {MAX_HEADER >> 10} KiB.")
    try:
        # BaseLoader keeps all values as text and ignores tags.
        header = yaml.load(comments, Loader=yaml.BaseLoader)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a table's header.") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} has a damaged ECSV header ({reason}). Write it again.") from error
    header = header if isinstance(header, dict) else {}
    fields = header.get("datatype")
    units = {
        field["name"]: field["unit"]
        for field in (fields if isinstance(fields, list) else ())
        if isinstance(field, Mapping)
        and all(isinstance(field.get(key), str) for key in ("name", "unit"))
    }
    return "," if header.get("delimiter") == "," else " ", units


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _without_comments(content: bytes) -> bytes:
    return _COMMENT.sub(b"", content) if b"#" in content else content


def _all_numbers(line: str) -> bool:
    try:
        return bool([float(cell) for cell in re.split(r"[,;\s]+", line.strip())])
    except ValueError:
        return False
