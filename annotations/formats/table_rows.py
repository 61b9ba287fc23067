"""Read tables of galaxies: recognition, objects of rows, and settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.columns import Columns
from ...files.tables import column_names, table_files
from ..annotation import ObjectBox
from .format import ReadOptions
from .numbers import LARGEST_PIXEL

__all__ = ["class_name_of", "is_table_with", "number_setting", "row_objects"]

# Number of files of a folder opened to recognise its format.
_FIRST_FILES = 16


def row_objects(
    table: Columns,
    edges: NDArray[np.float64],
    labels: Sequence[str],
    attributes: Mapping[str, str],
    options: ReadOptions,
    rows: Sequence[int],
) -> tuple[ObjectBox, ...]:
    """Return the objects of rows; invalid rows are passed to ``options.on_error``.

    Parameters
    ----------
    table : Columns
        The table.
    edges : ndarray of float64, shape (N, 4)
        Pixel edges of all rows, 0-based, half-open; NaN where they are not known.
    labels : sequence of str
        Classes of all rows; rows with an empty one are left out.
    attributes : mapping of str to str
        Columns to keep as attributes, mapped to the names of the attributes.
    options : ReadOptions
        Options of the reader.
    rows : sequence of int
        Indices of the rows.
    """
    texts = {name: table.texts(column) for column, name in attributes.items()}
    boxes = []
    for row in rows:
        if not labels[row]:
            options.on_error(InputError(f"{table.path}: row {row + 1} has no class."))
        elif not (np.abs(edges[row]) < LARGEST_PIXEL).all():
            options.on_error(
                InputError(
                    f"{table.path}: row {row + 1} has no position and size in numbers below "
                    f"{LARGEST_PIXEL:g} pixels."
                )
            )
        else:
            kept = tuple((name, column[row]) for name, column in texts.items() if column[row])
            xmin, ymin, xmax, ymax = edges[row].tolist()
            boxes.append(ObjectBox(labels[row], xmin, ymin, xmax, ymax, attributes=kept))
    return tuple(boxes)


def class_name_of(options: ReadOptions) -> str:
    """Return the default label: the setting ``class_name``, or "object".

    Parameters
    ----------
    options : ReadOptions
        Options of the reader.
    """
    return str(options.settings.get("class_name") or "object")


def number_setting(options: ReadOptions, name: str) -> float | None:
    """Return a positive number from the settings; None if not set.

    Parameters
    ----------
    options : ReadOptions
        Options of the reader.
    name : str
        Name of the setting.

    Raises
    ------
    InputError
        If it is not such a number.
    """
    value: Any = options.settings.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < LARGEST_PIXEL:
        raise InputError(f"{name} is {value!r}; give a number above 0.")
    return number


def is_table_with(path: Path, condition: Callable[[Columns], bool]) -> bool:
    """Return whether a table, or one of the first tables of a folder, meets a condition.

    Parameters
    ----------
    path : Path
        A table or a folder.
    condition : callable
        Condition on the columns of a table, without its rows.
    """
    try:
        for file in islice(table_files(path), _FIRST_FILES):
            names = column_names(file)
            if names and condition(Columns(file, {name: [] for name in names})):
                return True
    except (InputError, OSError):
        return False
    return False
