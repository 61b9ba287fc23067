"""The table of an IVOA VOTable, which is XML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ...errors import InputError
from .columns import Columns

__all__ = ["read_votable_columns", "votable_column_names"]

MAX_BYTES = 2**28
"""A million rows of ten columns."""


def votable_column_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of the first table that has any; no row is read.

    Raises
    ------
    InputError
        If the file is no VOTable.
    """
    fields: list[tuple[str, str]] = []
    for event, tag, element in _elements(path):
        if event == "end" and tag == "FIELD":
            fields.append(_field(element))
        elif tag == "DATA":
            break
    return tuple(name for name, _ in fields)


def read_votable_columns(path: Path) -> Columns:
    """Read the one table of the file that has rows, in the TABLEDATA notation.

    Raises
    ------
    InputError
        If the file is too large, no well-formed VOTable, declares a document type, holds its rows
        in binary or elsewhere, or holds several tables.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES >> 20} MiB. Save the table as FITS.")
    fields: list[tuple[str, str]] = []
    columns: list[list[str]] = []
    for event, tag, element in _elements(path):
        if event == "start" and tag == "TABLE":
            if columns and columns[0]:
                raise InputError(f"{path} holds several tables. Give one table a file.")
            fields, columns = [], []
        elif event == "start" and tag in ("BINARY", "BINARY2", "FITS"):
            raise InputError(
                f"{path} holds its rows as {tag}. Save it with TABLEDATA (in astropy: "
                "tabledata_format='tabledata'), or as FITS."
            )
        elif event == "end" and tag == "FIELD":
            fields.append(_field(element))
            columns.append([])
        elif event == "end" and tag == "TR":
            cells = [cell.text or "" for cell in element if _local(cell) == "TD"]
            if len(cells) != len(fields):
                raise InputError(
                    f"{path}: a row has {len(cells)} cells, but there are {len(fields)} fields. "
                    "Save it again."
                )
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
            _forget(element)
    if not fields:
        raise InputError(f"{path} is a VOTable without a table.")
    names = [name for name, _ in fields]
    return Columns(path, dict(zip(names, columns, strict=True)), dict(fields))


def _elements(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield event, name without name space, and element, as the file is read."""
    try:
        with path.open("rb") as stream:
            parser = etree.iterparse(
                stream,
                events=("start", "end"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            for number, (event, element) in enumerate(parser):
                tag = _local(element)
                if number == 0:
                    _check_root(path, tag, element)
                yield event, tag, element
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}). Save it again.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error


def _check_root(path: Path, tag: str, element: Any) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise InputError(f"{path} declares a document type, which is refused. Remove <!DOCTYPE>.")
    if tag != "VOTABLE":
        raise InputError(f"{path} is no VOTable: its root is <{tag}>, not <VOTABLE>.")


def _local(element: Any) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


def _field(element: Any) -> tuple[str, str]:
    return element.get("name") or element.get("ID") or "", element.get("unit") or ""


def _forget(element: Any) -> None:
    """Free a row that was read, and the empty shells of those before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
