"""Find the crops that a run wrote, for the galaxies of its catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..exploration.pictures import Picture
from ..files.file_types import check_regular
from ..files.names import SafeNames
from ..files.output_folder import RECORD_NAME
from ..files.safe_readers import read_json
from ..files.tables import column_names, read_columns
from ..imaging import FITS_SUFFIXES
from .columns import NOT_CLASSIFIED
from .field_work import file_name

__all__ = ["is_catalogue", "pictures_of_run"]

_SUFFIXES = (".csv", ".ecsv", ".fits", ".parquet", ".vot", ".xml")
_NAMES = ("source_id", "field")
_CLASS = "class_id"
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def is_catalogue(path: str | Path) -> bool:
    """Return whether a file is the catalogue of a run, in any format.

    Parameters
    ----------
    path : str or Path
        A file or folder, or another input of a command.
    """
    table = Path(path)
    if table.suffix.lower() not in _SUFFIXES or not table.is_file():
        return False
    try:
        return set(_NAMES) <= set(column_names(table))
    except InputError:
        # The error is reported when it is read as an image.
        return False


def pictures_of_run(catalogue: str | Path) -> list[Picture]:
    """Return the crops of the galaxies of a catalogue, from the folder of its run.

    Parameters
    ----------
    catalogue : str or Path
        Catalogue in the output folder of ``galpipe run``, or a selection of its rows there.

    Returns
    -------
    list of Picture
        One for each galaxy that was classified; a file may be missing.

    Raises
    ------
    InputError
        If the catalogue cannot be read, or there are no crops beside it.
    """
    path = Path(catalogue)
    check_regular(path)
    columns = read_columns(path, _chosen, text=_NAMES)
    crops = path.absolute().parent / "crops"
    if not {_CLASS, *_EDGES} <= set(columns.names) or not crops.is_dir():
        raise InputError(
            f"{path}: there are no crops of its galaxies; give the catalogue in the output folder "
            "of a 'galpipe run' with a classifier"
        )
    lower = _lower_origins(path.parent / RECORD_NAME)
    edges = np.stack([columns.numbers(name) for name in _EDGES], axis=1)
    sides = (edges[:, 2:] - edges[:, :2]).max(axis=1)
    classified = columns.numbers(_CLASS) != NOT_CLASSIFIED
    names: dict[str, SafeNames] = {}
    pictures = []
    for source, field, galaxy, side in zip(
        *map(columns.texts, _NAMES), classified, sides.tolist(), strict=True
    ):
        if galaxy:
            name = names.setdefault(field, SafeNames())(source)
            file = str(crops / file_name(field) / f"{name}.png")
            flipped = lower.get(field, False)
            pictures.append(Picture(source, file, field, True, flipped, side))
    return pictures


def _chosen(names: Sequence[str]) -> list[str]:
    return [name for name in (*_NAMES, _CLASS, *_EDGES) if name in names]


def _lower_origins(record: Path) -> Mapping[str, bool]:
    """Return whether the first row of each field is the bottom of its pictures, as in FITS."""
    if not record.is_file():
        return {}
    content = read_json(record)
    try:
        return {
            str(field["field"]): str(field["files"][0]).lower().endswith(FITS_SUFFIXES)
            for field in content["fields"]
        }
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(f"{record} is not the record of a run. Run it again.") from error
