"""File formats of the catalogue, based on those of astropy."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table

from ..errors import InputError, MissingExtraError, OutputError
from .columns import object_label

__all__ = ["CatalogueFormat", "format_of"]

# FITS keyword and VOTable INFO of the provenance, in JSON.
_PROVENANCE = "GALPIPE"


@dataclass(frozen=True)
class CatalogueFormat:
    """Writer and reader of a table in a file format."""

    write: Callable[[QTable, Path], None]
    read: Callable[[Path], Table]


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
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        known = " ".join(_FORMATS)
        raise OutputError(f"{path}: unknown suffix for a catalogue; use one of {known}")
    return form


def _write_ecsv(table: QTable, path: Path) -> None:
    table.write(path, format="ascii.ecsv")


def _read_ecsv(path: Path) -> Table:
    table: Table = Table.read(path, format="ascii.ecsv")
    return table


def _write_csv(table: QTable, path: Path) -> None:
    columns = []
    for name in table.colnames:
        values = np.asarray(table[name])
        # NaN is written as an empty cell, for spreadsheets and databases.
        cells = values.tolist()
        if values.dtype.kind == "f":
            cells = ["" if cell != cell else cell for cell in cells]
        columns.append(cells)
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(table.colnames)
        writer.writerows(zip(*columns, strict=True))


def _read_csv(path: Path) -> Table:
    import pandas as pd

    # Only empty cells are missing values: a field may be called "NA".
    text = ["source_id", "field", "detected_class", "class_name"]
    numbers = pd.read_csv(path, nrows=0).columns.difference(text)
    frame = pd.read_csv(
        path,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values={str(name): [""] for name in numbers},
    )
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

    document = from_table(table)
    resource = document.resources[0]
    resource.infos.append(Info(name=_PROVENANCE, value=json.dumps(table.meta)))
    document.to_xml(str(path))


def _read_votable(path: Path) -> Table:
    from astropy.io.votable import parse

    document = parse(path)
    table: Table = document.get_first_table().to_table()
    for info in document.resources[0].infos:
        if info.name == _PROVENANCE:
            table.meta = json.loads(info.value)
    return table


def _write_parquet(table: QTable, path: Path) -> None:
    _need_pyarrow()
    table.write(path, format="parquet")


def _read_parquet(path: Path) -> Table:
    _need_pyarrow()
    table: Table = Table.read(path, format="parquet")
    return table


def _need_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise MissingExtraError("Parquet needs the package pyarrow: pip install pyarrow")


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


_VOTABLE = CatalogueFormat(_write_votable, _read_votable)
_FORMATS = {
    ".ecsv": CatalogueFormat(_write_ecsv, _read_ecsv),
    ".csv": CatalogueFormat(_write_csv, _read_csv),
    ".fits": CatalogueFormat(_write_fits, _read_fits),
    ".vot": _VOTABLE,
    ".xml": _VOTABLE,
    ".parquet": CatalogueFormat(_write_parquet, _read_parquet),
    ".reg": CatalogueFormat(_write_regions, _read_regions),
}
