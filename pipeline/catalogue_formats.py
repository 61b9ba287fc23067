"""File formats of the catalogue, based on those of astropy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from astropy.table import Column, QTable, Table

from ..errors import ConfigError, InputError, OutputError, require
from ..files.spreadsheet import from_cell, to_cell
from ..files.tables import read_columns
from .columns import TEXT_COLUMNS, object_label

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


@dataclass(frozen=True)
class CatalogueFormat:
    """File format of a catalogue.

    Attributes
    ----------
    suffixes : tuple of str
        Suffixes of its files; the first is that of new ones.
    write : callable
        Writes a table to a path.
    read : callable
        Reads a table from a path.
    extra : tuple of str
        Module that it needs and the extra that installs it; empty if it needs none.
    """

    suffixes: tuple[str, ...]
    write: Callable[[QTable, Path], None]
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


def _plain(table: QTable) -> Table:
    """Return a table of plain columns with units, without the quantities of astropy."""
    plain = Table(meta=dict(table.meta))
    for name in table.colnames:
        info = table[name].info
        plain[name] = Column(
            np.asarray(table[name]),
            unit=info.unit,
            description=info.description,
            meta=dict(info.meta),
        )
    return plain


def _write_ecsv(table: QTable, path: Path) -> None:
    # Quantities would be written as objects of astropy, which other programs refuse.
    lines = io.StringIO()
    _plain(table).write(lines, format="ascii.ecsv")
    path.write_text(lines.getvalue(), encoding="utf-8")


def _read_ecsv(path: Path) -> Table:
    table: Table = Table.read(path, format="ascii.ecsv", encoding="utf-8")
    return table


def _write_csv(table: QTable, path: Path) -> None:
    columns = []
    for name in table.colnames:
        values = np.asarray(table[name])
        # NaN is written as an empty cell, for spreadsheets and databases.
        cells = values.tolist()
        if values.dtype.kind == "f":
            cells = ["" if cell != cell else cell for cell in cells]
        elif values.dtype.kind == "U":
            cells = [to_cell(cell) for cell in cells]
        columns.append(cells)
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(table.colnames)
        writer.writerows(zip(*columns, strict=True))


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


def _write_fits(table: QTable, path: Path) -> None:
    from astropy.io import fits

    plain = Table()
    for name in table.colnames:
        values = np.asarray(table[name])
        # FITS text is ASCII; UTF-8 is stored as bytes.
        plain[name] = np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values
        if table[name].info.unit is not None:
            plain[name].unit = table[name].info.unit
    hdu = fits.table_to_hdu(plain)
    hdu.name = "CATALOGUE"
    for number, name in enumerate(table.colnames, start=1):
        hdu.header[f"TUCD{number}"] = table[name].info.meta["ucd"]
        hdu.header[f"TCOMM{number}"] = table[name].info.description
    hdu.header[_PROVENANCE] = json.dumps(table.meta)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


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


def _write_votable(table: QTable, path: Path) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    document = from_table(_plain(table))
    provenance = Info(name=_PROVENANCE, value=json.dumps(table.meta))
    document.resources[0].infos.append(provenance)
    content = io.BytesIO()
    document.to_xml(content)
    text = content.getvalue().decode("utf-8")
    if not len(table):
        # astropy leaves out the rows, and STILTS then does not see the table.
        text = text.replace("</TABLE>", " <DATA><TABLEDATA></TABLEDATA></DATA>\n  </TABLE>")
    path.write_text(text, encoding="utf-8")


def _read_votable(path: Path) -> Table:
    columns = read_columns(path)
    values = {
        name: columns.texts(name) if name in TEXT_COLUMNS else columns.numbers(name, required=False)
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


def _write_parquet(table: QTable, path: Path) -> None:
    """Write VOParquet: Parquet with a VOTable without rows in the metadata (IVOA Note 1.0)."""
    from astropy.io.votable import from_table
    from pyarrow import parquet

    header = io.BytesIO()
    from_table(_plain(table[:0])).to_xml(header)
    # With the metadata of astropy too, for Table.read.
    _plain(table).write(path, format="parquet")
    rows = parquet.read_table(path, partitioning=None)
    metadata = {
        **rows.schema.metadata,
        "IVOA.VOTable-Parquet.version": "1.0",
        "IVOA.VOTable-Parquet.content": header.getvalue(),
    }
    parquet.write_table(rows.replace_schema_metadata(metadata), path)


def _read_parquet(path: Path) -> Table:
    table: Table = Table.read(path, format="parquet")
    return table


def _write_regions(table: QTable, path: Path) -> None:
    fields = sorted(set(table["field"]))
    if len(fields) > 1:
        raise OutputError(
            f"{path}: DS9 regions are in pixels of one field, but there are {len(fields)} fields; "
            "write them one by one: catalogue.of_field(name).write(...)"
        )
    lines = ["# Region file format: DS9 version 4.1", "global color=green", "image"]
    for index in range(len(table)):
        row = table[index]
        x, y = row["x"].value + 0.5, row["y"].value + 0.5
        width = (row["xmax"] - row["xmin"]).value
        height = (row["ymax"] - row["ymin"]).value
        text = object_label(dict(row)).replace("{", "(").replace("}", ")")
        lines.append(f"box({x:.3f},{y:.3f},{width:.2f},{height:.2f},0) # text={{{text}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read_regions(path: Path) -> Table:
    raise InputError(f"{path}: DS9 regions contain only boxes; read the original catalogue")


CATALOGUE_FORMATS: Mapping[str, CatalogueFormat] = MappingProxyType(
    {
        "ecsv": CatalogueFormat((".ecsv",), _write_ecsv, _read_ecsv),
        "csv": CatalogueFormat((".csv",), _write_csv, _read_csv),
        "fits": CatalogueFormat((".fits",), _write_fits, _read_fits),
        "votable": CatalogueFormat((".vot", ".xml"), _write_votable, _read_votable),
        "parquet": CatalogueFormat(
            (".parquet",), _write_parquet, _read_parquet, ("pyarrow", "parquet")
        ),
        "ds9": CatalogueFormat((".reg",), _write_regions, _read_regions),
    }
)
"""Formats by name."""
