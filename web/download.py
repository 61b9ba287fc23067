"""Write the catalogue of a run, or of one of its fields, in any format."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..pipeline.catalogue_formats import CATALOGUE_FORMATS
from ..pipeline.result_lines import FieldRows
from ..pipeline.results import Results

__all__ = ["write_catalogue"]


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
