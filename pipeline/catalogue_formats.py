"""File formats of the catalogue, based on those of astropy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from astropy.table import QTable, Table
from numpy.typing import NDArray

from ..errors import ConfigError, InputError, OutputError, require
from ..files.spreadsheet import from_cell, to_cell
from ..files.tables import read_columns
from .columns import TEXT_COLUMNS, object_label
from .table_layout import plain_table

__all__ = [
    "CATALOGUE_FORMATS",
    "DEFAULT_FORMATS",
    "CatalogueFormat",
    "check_catalogue_formats",
    "format_of",
]

DEFAULT_FORMATS = ("ecsv", "csv")
"""Formats of the catalogue of a run, unless others are chosen."""

# FITS keyword and VOTable INFO of the provenance, in JSON.
_PROVENANCE = "GALPIPE"

_FITS_BLOCK = 2880  # bytes

# What astropy writes before and after the rows of a VOTable.
_VOTABLE_ROWS = "   <DATA>\n    <TABLEDATA>\n", "    </TABLEDATA>\n   </DATA>\n"


AddRows: TypeAlias = Callable[[QTable], None]


@dataclass(frozen=True)
class CatalogueFormat:
    """File format of a catalogue.

    Attributes
    ----------
    suffixes : tuple of str
        Suffixes of its files; the first is that of new ones.
    open : callable
        Opens a path for a table that is written in pieces.  Its arguments are the table without
        rows, with columns of text as wide as those of the whole (`without_rows`), and the path; the
        context manager that it returns gives a function to which the pieces are passed.
    read : callable
        Reads a table from a path.
    extra : tuple of str
        Module that it needs and the extra that installs it; empty if it needs none.
    """

    suffixes: tuple[str, ...]
    open: Callable[[QTable, Path], AbstractContextManager[AddRows]]
    read: Callable[[Path], Table]
    extra: tuple[str, ...] = ()

    def require(self) -> None:
        """Check that the packages of the format are installed.

        Raises
        ------
        MissingExtraError
            If one is not; the message names the extra.
        """
        if self.extra:
            require(*self.extra)


def format_of(path: Path) -> CatalogueFormat:
    """Return the format for the suffix of a path.

    Parameters
    ----------
    path : Path
        File of a catalogue.

    Raises
    ------
    OutputError
        If the suffix is unknown.
    """
    suffix = path.suffix.lower()
    for form in CATALOGUE_FORMATS.values():
        if suffix in form.suffixes:
            return form
    known = " ".join(suffix for form in CATALOGUE_FORMATS.values() for suffix in form.suffixes)
    raise OutputError(f"{path}: unknown suffix for a catalogue; use one of {known}")


def check_catalogue_formats(names: Iterable[str]) -> None:
    """Raise an error for formats in which a catalogue cannot be written.

    Parameters
    ----------
    names : iterable of str
        Names of formats.

    Raises
    ------
    ConfigError
        If there is no such format.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    for name in names:
        if name not in CATALOGUE_FORMATS:
            raise ConfigError(
                f"There is no catalogue format {name}; choose from {', '.join(CATALOGUE_FORMATS)}"
            )
        CATALOGUE_FORMATS[name].require()


@contextmanager
def _open_ecsv(layout: QTable, path: Path) -> Iterator[AddRows]:
    # Quantities would be written as objects of astropy, which other programs refuse.
    def text(table: QTable) -> str:
        lines = io.StringIO()
        plain_table(table).write(lines, format="ascii.ecsv")
        return lines.getvalue()

    header = text(layout)
    with path.open("w", encoding="utf-8") as lines:
        lines.write(header)

        def add(table: QTable) -> None:
            lines.write(text(table)[len(header) :])

        yield add


def _read_ecsv(path: Path) -> Table:
    table: Table = Table.read(path, format="ascii.ecsv", encoding="utf-8")
    return table


@contextmanager
def _open_csv(layout: QTable, path: Path) -> Iterator[AddRows]:
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(layout.colnames)

        def add(table: QTable) -> None:
            columns = []
            for name in layout.colnames:
                values = np.asarray(table[name])
                # NaN is written as an empty cell, for spreadsheets and databases.
                cells = values.tolist()
                if values.dtype.kind == "f":
                    cells = ["" if cell != cell else cell for cell in cells]
                elif values.dtype.kind == "U":
                    cells = [to_cell(cell) for cell in cells]
                columns.append(cells)
            writer.writerows(zip(*columns, strict=True))

        yield add


def _read_csv(path: Path) -> Table:
    import pandas as pd

    # Only empty cells are missing values: a field may be called "NA".
    numbers = pd.read_csv(path, nrows=0).columns.difference(list(TEXT_COLUMNS))
    frame = pd.read_csv(
        path,
        dtype=dict.fromkeys(TEXT_COLUMNS, str),
        keep_default_na=False,
        na_values={str(name): [""] for name in numbers},
    )
    for name in frame.columns.intersection(list(TEXT_COLUMNS)):
        frame[name] = frame[name].map(from_cell)
    return Table({str(name): frame[name].to_numpy() for name in frame})


@contextmanager
def _open_fits(layout: QTable, path: Path) -> Iterator[AddRows]:
    from astropy.io import fits

    plain = Table()
    for name in layout.colnames:
        values = np.asarray(layout[name])
        # FITS text is ASCII; UTF-8 is stored as bytes.
        dtype = f"S{values.dtype.itemsize // 4}" if values.dtype.kind == "U" else values.dtype
        plain[name] = np.zeros(0, dtype)
        if layout[name].info.unit is not None:
            plain[name].unit = layout[name].info.unit
    hdu = fits.table_to_hdu(plain)
    hdu.name = "CATALOGUE"
    for number, name in enumerate(layout.colnames, start=1):
        hdu.header[f"TUCD{number}"] = layout[name].info.meta["ucd"]
        hdu.header[f"TCOMM{number}"] = layout[name].info.description
    hdu.header[_PROVENANCE] = json.dumps(layout.meta)
    row = hdu.data.dtype.newbyteorder(">")
    with path.open("w+b") as file:
        file.write(fits.PrimaryHDU().header.tostring().encode("ascii"))
        start = file.tell()
        file.write(hdu.header.tostring().encode("ascii"))

        def add(table: QTable) -> None:
            rows = np.zeros(len(table), row)
            for name in layout.colnames:
                rows[name] = _fits_values(np.asarray(table[name]))
            file.write(rows.tobytes())
            hdu.header["NAXIS2"] += len(table)

        yield add
        file.write(bytes(-file.tell() % _FITS_BLOCK))
        # The number of rows is known now, and its card has a fixed size.
        file.seek(start)
        file.write(hdu.header.tostring().encode("ascii"))


def _fits_values(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values of a column as FITS stores them."""
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8")
    return np.where(values, ord("T"), ord("F")) if values.dtype.kind == "b" else values


def _read_fits(path: Path) -> Table:
    from astropy.io import fits

    with fits.open(path) as hdus:
        hdu = hdus["CATALOGUE"]
        table = Table()
        for name in hdu.columns.names:
            values = hdu.data.field(name)
            if values.dtype.kind in "SU":
                raw = values.view(np.ndarray)
                encoded = raw if raw.dtype.kind == "S" else np.char.encode(raw, "latin-1")
                table[name] = np.char.decode(encoded, "utf-8")
            else:
                table[name] = values.astype(values.dtype.newbyteorder("="))
        table.meta = json.loads(hdu.header[_PROVENANCE])
    return table


@contextmanager
def _open_votable(layout: QTable, path: Path) -> Iterator[AddRows]:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    def text(table: QTable) -> str:
        document = from_table(plain_table(table))
        provenance = Info(name=_PROVENANCE, value=json.dumps(layout.meta))
        document.resources[0].infos.append(provenance)
        content = io.BytesIO()
        document.to_xml(content)
        return content.getvalue().decode("utf-8")

    # astropy leaves out the element of the rows if there are none, and STILTS then does not see
    # the table.
    before, end, after = text(layout).partition("  </TABLE>")
    with path.open("w", encoding="utf-8") as lines:
        lines.write(before + _VOTABLE_ROWS[0])

        def add(table: QTable) -> None:
            if len(table):
                _, _, rows = text(table).partition(_VOTABLE_ROWS[0])
                lines.write(rows.rpartition(_VOTABLE_ROWS[1])[0])

        yield add
        lines.write(_VOTABLE_ROWS[1] + end + after)


def _read_votable(path: Path) -> Table:
    columns = read_columns(path)
    values = {
        name: columns.texts(name)
        if name in TEXT_COLUMNS or columns.is_text(name)
        else columns.numbers(name, required=False)
        for name in columns.names
    }
    return Table(values, meta=_provenance_of_votable(path))


def _provenance_of_votable(path: Path) -> dict[str, Any]:
    from lxml import etree

    # The rows come after the INFO elements.
    tags = "{*}INFO", "{*}TABLE"
    elements = etree.iterparse(str(path), events=["start"], tag=tags, resolve_entities=False)
    for _, element in elements:
        if element.get("name") == _PROVENANCE:
            return dict(json.loads(element.get("value", "")))
    return {}


@contextmanager
def _open_parquet(layout: QTable, path: Path) -> Iterator[AddRows]:
    """Open VOParquet: Parquet with a VOTable without rows in the metadata (IVOA Note 1.0)."""
    import pyarrow
    from astropy.io.votable import from_table
    from pyarrow import parquet

    header = io.BytesIO()
    from_table(plain_table(layout)).to_xml(header)
    # With the metadata of astropy too, for Table.read.
    plain_table(layout).write(path, format="parquet")
    schema = parquet.read_schema(path)
    metadata = {
        **schema.metadata,
        "IVOA.VOTable-Parquet.version": "1.0",
        "IVOA.VOTable-Parquet.content": header.getvalue(),
    }
    with parquet.ParquetWriter(path, schema.with_metadata(metadata)) as writer:

        def add(table: QTable) -> None:
            columns = [pyarrow.array(np.asarray(table[name]).tolist()) for name in layout.colnames]
            arrays = [array.cast(field.type) for array, field in zip(columns, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=writer.schema))

        yield add


def _read_parquet(path: Path) -> Table:
    table: Table = Table.read(path, format="parquet")
    return table


@contextmanager
def _open_regions(layout: QTable, path: Path) -> Iterator[AddRows]:
    fields: set[str] = set()
    with path.open("w", encoding="utf-8") as lines:
        lines.write("# Region file format: DS9 version 4.1\nglobal color=green\nimage\n")

        def add(table: QTable) -> None:
            fields.update(table["field"])
            if len(fields) > 1:
                raise OutputError(
                    f"{path}: DS9 regions are in pixels of one field, but there are {len(fields)} "
                    "fields; write them one by one: catalogue.of_field(name).write(...)"
                )
            lines.writelines(_region(dict(table[index])) for index in range(len(table)))

        yield add


def _region(row: dict[str, Any]) -> str:
    x, y = row["x"].value + 0.5, row["y"].value + 0.5
    width = (row["xmax"] - row["xmin"]).value
    height = (row["ymax"] - row["ymin"]).value
    text = object_label(row).replace("{", "(").replace("}", ")")
    return f"box({x:.3f},{y:.3f},{width:.2f},{height:.2f},0) # text={{{text}}}\n"


def _read_regions(path: Path) -> Table:
    raise InputError(f"{path}: DS9 regions contain only boxes; read the original catalogue")


CATALOGUE_FORMATS: Mapping[str, CatalogueFormat] = MappingProxyType(
    {
        "ecsv": CatalogueFormat((".ecsv",), _open_ecsv, _read_ecsv),
        "csv": CatalogueFormat((".csv",), _open_csv, _read_csv),
        "fits": CatalogueFormat((".fits",), _open_fits, _read_fits),
        "votable": CatalogueFormat((".vot", ".xml"), _open_votable, _read_votable),
        "parquet": CatalogueFormat(
            (".parquet",), _open_parquet, _read_parquet, ("pyarrow", "parquet")
        ),
        "ds9": CatalogueFormat((".reg",), _open_regions, _read_regions),
    }
)
"""Formats by name."""
