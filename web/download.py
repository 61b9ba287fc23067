"""Write what a browser downloads: catalogues in any format, and folders as ZIP archives."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from ..errors import InputError
from ..pipeline.catalogue_formats import CATALOGUE_FORMATS
from ..pipeline.result_lines import FieldRows
from ..pipeline.results import Results

__all__ = ["write_catalogue", "write_folder"]


def write_catalogue(
    results: Results, form: str, path: Path, field: FieldRows | None = None
) -> None:
    """Write a catalogue in pieces, as a run does.

    Parameters
    ----------
    results : Results
        The results of the run.
    form : str
        Name of the format.
    path : Path
        The file.
    field : FieldRows, optional
        The field; by default all.

    Raises
    ------
    InputError
        If DS9 regions of several fields are asked for.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    writer = CATALOGUE_FORMATS[form]
    writer.require()
    if form == "ds9" and field is None and results.tally.fields != 1:
        raise InputError("DS9 regions are in pixels of one field: download those of each field.")
    pieces = results.catalogues() if field is None else iter([results.catalogue_of([field])])
    with writer.open(results.layout(), path) as add:
        for piece in pieces:
            add(piece.table)


def write_folder(folder: Path, path: Path) -> None:
    """Write a folder as a ZIP archive.

    Parameters
    ----------
    folder : Path
        The folder; hidden files, such as locks, are left out.
    path : Path
        The archive.
    """
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                archive.write(file, file.relative_to(folder.parent))
