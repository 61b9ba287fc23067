"""Read a table, whichever kind of file it is in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ..safe_readers import read_text
from .columns import Columns
from .fits import fits_column_names, read_fits_columns
from .text import parse_text_columns
from .votable import read_votable_columns, votable_column_names

__all__ = ["column_names", "read_columns", "table_files"]

MAX_TEXT_BYTES = 2**28
"""A million rows of twenty columns."""

_HEAD = 2**16
_SUFFIXES = (".cat", ".csv", ".ecsv", ".fit", ".fits", ".ldac", ".vot", ".votable")


def read_columns(path: Path) -> Columns:
    """Read the columns of a FITS, VOTable, ECSV, CSV or SExtractor table; the content decides.

    Parameters
    ----------
    path : Path
        The file.  It may come from a stranger: its size is bounded, XML may not declare entities,
        nothing is fetched, and YAML makes no objects.

    Raises
    ------
    InputError
        If it cannot be read, or holds no table.
    """
    head = _head(path)
    if head.startswith(b"SIMPLE"):
        return read_fits_columns(path)
    if _is_xml(head):
        return read_votable_columns(path)
    return parse_text_columns(path, read_text(path, MAX_TEXT_BYTES))


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns, from the beginning of the file.

    Returns
    -------
    tuple of str
        Empty for a FITS file that holds images alone.

    Raises
    ------
    InputError
        If the file is no table.
    """
    head = _head(path)
    if head.startswith(b"SIMPLE"):
        return fits_column_names(path)
    if _is_xml(head):
        return votable_column_names(path)
    if b"\0" in head:
        raise InputError(f"{path} is no table.")
    if len(head) == _HEAD:
        head = head[: head.rfind(b"\n") + 1]
    return parse_text_columns(path, head.decode("utf-8-sig", "replace")).names


def table_files(path: Path) -> Sequence[Path]:
    """Return the tables of a folder, sorted by name, or the one file that the path is.

    Of the FITS files of a folder only those that hold a table, or are damaged, are taken: the
    images may lie in the same place.

    Raises
    ------
    InputError
        If there is none.
    """
    if not path.is_dir():
        return [path]
    candidates = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    files = [file for file in candidates if _may_be_table(file)]
    if not files:
        raise InputError(f"{path} holds no table ({' '.join(_SUFFIXES)}).")
    return files


def _may_be_table(path: Path) -> bool:
    if path.suffix.lower() not in (".fit", ".fits"):
        return True
    try:
        return bool(column_names(path))
    except InputError:
        return True


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InputError(f"Cannot read {path}: there is no such file.")
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {getattr(error, 'strerror', error)}") from error


def _is_xml(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
