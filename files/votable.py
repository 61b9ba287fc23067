"""Read the table of an untrusted IVOA VOTable, in text or binary, with astropy.

astropy fetches external data that a VOTable refers to, and allocates as many rows as it declares.
The document is therefore scanned first, and refused if it does either excessively.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.parsers import expat

import numpy as np

from ..errors import InputError

__all__ = ["VOTableField", "read_votable", "votable_fields"]

MAX_VALUES_BYTES = 2**31
"""Size limit of all values after decoding."""

_CHUNK = 2**20
_LARGEST_ITEM = 16
"""Size in bytes of a doubleComplex."""


class VOTableField(NamedTuple):
    """Column as declared in the document.

    Attributes
    ----------
    name, unit : str
        Name and unit as written; the unit may be empty.
    bytes : int
        Maximum size of the values in a row if their number is fixed, else of a reference to them.
    """

    name: str
    unit: str
    bytes: int


def votable_fields(path: Path, stream: BinaryIO) -> list[VOTableField]:
    """Return the columns of the first table, without reading rows.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    stream : binary file
        Its content.

    Raises
    ------
    InputError
        If the file is not a VOTable, or declares a document type.
    """
    scan = _Scan(path, header_alone=True)
    scan.run(stream)
    return scan.fields


def read_votable(
    path: Path, content: bytes, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of a table and their units.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    content : bytes
        VOTable with rows in TABLEDATA, BINARY or BINARY2.
    choose : callable
        Takes the names of all columns and returns those to read.

    Returns
    -------
    values : dict of str to masked array or list of str
        The chosen columns; those with several values in a row are left out.
    units : dict of str to str
        Units as written.

    Raises
    ------
    InputError
        If the document is damaged or unsafe, or holds several tables.
    """
    from astropy.io import votable

    scan = _Scan(path)
    scan.run(io.BytesIO(content))
    chosen = set(choose([field.name for field in scan.fields]))
    tables = votable.parse(io.BytesIO(content), verify="ignore").iter_tables()
    table = next(iter(tables), None)
    if table is None:
        raise InputError(f"{path} holds no table.")
    values: dict[str, Any] = {}
    for field, key in zip(scan.fields, table.array.dtype.names or (), strict=True):
        column = table.array[key]
        if field.name in chosen and column.ndim == 1:
            values[field.name] = column if column.dtype.kind in "iuf" else _texts(column)
    return values, {field.name: field.unit for field in scan.fields}


def _texts(column: Any) -> list[str]:
    missing = np.ma.getmaskarray(column).tolist()
    return [
        ""
        if masked
        else value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else str(value)
        for value, masked in zip(np.ma.getdata(column).tolist(), missing, strict=True)
    ]


class _Scan:
    """Check a document and collect its columns."""

    def __init__(self, path: Path, *, header_alone: bool = False) -> None:
        self.path = path
        self.fields: list[VOTableField] = []
        self._header_alone = header_alone
        self._done = False
        self._tables = 0
        self._rows = 0
        self._declared_rows = 0
        self._started = False

    def run(self, stream: BinaryIO) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            while not self._done and (chunk := stream.read(_CHUNK)):
                parser.Parse(chunk)
            if not self._done:
                parser.Parse(b"", True)
        except expat.ExpatError as error:
            reason = f"{self.path} is not well-formed XML ({error}). Save it again."
            raise InputError(reason) from error
        row = sum(field.bytes for field in self.fields)
        if row * max(self._rows, self._declared_rows) > MAX_VALUES_BYTES:
            raise InputError(
                f"{self.path} declares more than {MAX_VALUES_BYTES >> 30} GiB of values. Divide "
                "the table."
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if not self._started and tag != "VOTABLE":
            raise InputError(f"{self.path} is not a VOTable: its root is <{tag}>, not <VOTABLE>.")
        self._started = True
        if tag == "TR":
            self._rows += 1
        elif tag == "FIELD":
            self.fields.append(_field(attributes))
        elif tag == "TABLE":
            self._tables += 1
            self._declared_rows = int(attributes.get("nrows") or 0)
            if self._tables > 1:
                raise InputError(f"{self.path} holds several tables. Give one table a file.")
        elif tag == "DATA":
            self._done = self._header_alone
        elif tag in ("FITS", "PARQUET") or (tag == "STREAM" and "href" in attributes):
            raise InputError(
                f"{self.path} holds its rows as a file or elsewhere. Save it with TABLEDATA or "
                "BINARY2, or as FITS."
            )

    def _refuse_doctype(self, *declaration: object) -> None:
        raise InputError(
            f"{self.path} declares a document type, which is refused. Remove <!DOCTYPE>."
        )


def _field(attributes: dict[str, str]) -> VOTableField:
    sizes = attributes.get("arraysize", "1").split("x")
    # The last size may be variable, with or without a limit.
    values = math.prod(abs(int(size)) for size in sizes if not size.endswith("*"))
    name = attributes.get("name") or attributes.get("ID") or ""
    return VOTableField(name, attributes.get("unit", "")[:100], _LARGEST_ITEM * values)
