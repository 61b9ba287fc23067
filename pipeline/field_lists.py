"""Lists of fields: paths in a text file or a table, and patterns of file names."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from ..files.file_types import check_regular
from ..files.packed_texts import PackedTexts
from ..files.safe_readers import read_bytes
from ..files.tables import read_columns
from ..files.text_encoding import encoding_of
from ..imaging.field_discovery import split_bands, split_selection

__all__ = ["expand_pattern", "listed_paths", "read_field_list"]

FILE_COLUMNS = ("file", "filename", "path", "image", "url")
"""Columns of paths in a table; the first one present is used."""

_TABLES = (
    *(".csv", ".tsv", ".ecsv", ".fits", ".fit", ".vot", ".votable", ".xml", ".parquet"),
    *(".csv.gz", ".tsv.gz", ".ecsv.gz", ".fits.gz", ".vot.gz", ".votable.gz", ".xml.gz"),
)
_MOST_BYTES = 2**30  # ten million paths of 100 letters
_COMMENT = "#"
_WILDCARDS = ("*", "?")


def read_field_list(source: str | Path) -> Sequence[str]:
    """Read a list of fields.

    Parameters
    ----------
    source : str or Path
        A text file with a path, a folder, three bands, a pattern or an address on each line, where
        empty lines and those that begin with ``#`` are left out; a table (CSV, ECSV, FITS, VOTable
        or Parquet) with a column ``file``, ``filename``, ``path``, ``image`` or ``url``; or ``-``
        for lines from the standard input.

    Returns
    -------
    sequence of str
        The entries, for `galpipe.run`, in little memory.  Relative paths are those of the folder of
        the list, or of the current folder for ``-``.

    Raises
    ------
    InputError
        If the list cannot be read, or is empty.

    Examples
    --------
    >>> [*read_field_list("fields.txt")]                              # doctest: +SKIP
    ['survey/a.fits', 'survey/b.fits']
    """
    if str(source) == "-":
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError("The list of fields is larger than 1 GiB. Divide it.")
        entries, folder = _lines(content, "the standard input"), Path()
    elif str(source).lower().endswith(_TABLES):
        return listed_paths(Path(source))
    else:
        check_regular(Path(source))
        entries = _lines(read_bytes(Path(source), _MOST_BYTES), str(source))
        folder = Path(source).parent
    listed = PackedTexts(_within(folder, entry) for entry in entries)
    if not listed:
        raise InputError(f"{source}: lists no field. Write the path of a field on each line.")
    return listed


def listed_paths(table: Path) -> Sequence[str]:
    """Return the paths in a table.

    Parameters
    ----------
    table : Path
        As in `read_field_list`.

    Returns
    -------
    sequence of str
        In little memory; relative paths are those of the folder of the table.

    Raises
    ------
    InputError
        If the table cannot be read, or has no such column or no row.
    """
    found: list[str] = []

    def choose(names: Sequence[str]) -> Sequence[str]:
        spelling = {name.lower(): name for name in reversed(names)}
        found.extend(spelling[name] for name in FILE_COLUMNS if name in spelling)
        if not found:
            raise InputError(
                f"{table}: has no column named {', '.join(FILE_COLUMNS[:-1])} or "
                f"{FILE_COLUMNS[-1]}. Name the column of the paths so."
            )
        return found[:1]

    columns = read_columns(table, choose)
    entries = (entry for entry in columns.texts(found[0]) if entry)
    listed = PackedTexts(_within(table.parent, entry) for entry in entries)
    if not listed:
        raise InputError(f"{table}: lists no file in its column {found[0]}.")
    return listed


def expand_pattern(entry: str | Path) -> list[str | Path]:
    """Return the files and folders that match a pattern, sorted by name.

    Parameters
    ----------
    entry : str or Path
        A pattern with ``*``, ``?`` and ``[...]``, where ``**`` stands for any folders, such as
        ``survey/**/*-r.fits``; images may be selected after it, ``*.fits[SCI]``.  Without ``*`` and
        ``?`` it is not a pattern.

    Returns
    -------
    list of str or Path
        The entry itself if it is no pattern, or the name of a file.

    Raises
    ------
    InputError
        If nothing matches.
    """
    text = str(entry)
    if not any(sign in text for sign in _WILDCARDS) or "://" in text or os.path.lexists(text):
        return [entry]
    found: list[str | Path] = [*sorted(glob.glob(text, recursive=True))]
    if not found:
        base, images = split_selection(text)
        found = [f"{name}[{images}]" for name in sorted(glob.glob(str(base), recursive=True))]
    if not found:
        raise InputError(
            f"{text}: no file matches this pattern. Check the spelling and the folder; list three "
            "bands as red.fits,green.fits,blue.fits without a pattern."
        )
    return found


def _lines(content: bytes, name: str) -> Iterator[str]:
    """Return the entries of a text, whose names may be of any bytes."""
    encoding = encoding_of(content)
    try:
        if encoding.startswith("utf-8"):
            text = os.fsdecode(content.removeprefix(b"\xef\xbb\xbf"))
        else:
            text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no text ({error}). Save the list as UTF-8.") from error
    if "\0" in text:
        raise InputError(f"{name} is no text. Give a list of paths, one on each line.")
    # Without a copy of all lines.
    lines = (found[0].strip(" \t\r") for found in re.finditer("[^\n]+", text))
    return (line for line in lines if line and not line.startswith(_COMMENT))


def _within(folder: Path, entry: str) -> str:
    """Return an entry of a list in a folder: a path, three bands, a pattern or an address."""
    whole = _joined(folder, entry)
    if os.path.exists(whole):
        return whole
    return ",".join(_joined(folder, part) for part in split_bands(entry))


def _joined(folder: Path, entry: str) -> str:
    if "://" in entry:
        return entry
    start = "" if folder == Path() else str(folder)
    if any(sign in entry for sign in _WILDCARDS):
        start = glob.escape(start)
    return os.path.join(start, entry)
