"""What formats that read tables have in common: rows to boxes, settings, recognition."""

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

__all__ = ["boxes_of_rows", "class_name_of", "matches", "number_setting"]

_LARGEST = 1e9
# Files of a folder that are opened to see what they are.
_GLANCES = 16


def boxes_of_rows(
    table: Columns,
    edges: NDArray[np.float64],
    labels: Sequence[str],
    attributes: Mapping[str, str],
    reading: ReadOptions,
    rows: Sequence[int],
) -> tuple[ObjectBox, ...]:
    """Return the objects of some rows; rows that are no box go to ``reading.on_error``.

    Parameters
    ----------
    table : Columns
        The table.
    edges : ndarray
        Shape (N, 4), one row for each of the table: 0-based half-open pixel edges, NaN where they
        could not be known.
    labels : sequence of str
        Classes, one for each row of the table; an empty one is no box.
    attributes : mapping of str to str
        Columns that are kept, and the names under which they are.
    reading : ReadOptions
        Learns of rows that are left out.
    rows : sequence of int
        The rows wanted, from 0.
    """
    texts = {name: table.texts(column) for column, name in attributes.items()}
    boxes = []
    for row in rows:
        if not labels[row]:
            reading.on_error(InputError(f"{table.path}: row {row + 1} has no class."))
        elif not (np.abs(edges[row]) < _LARGEST).all():
            reading.on_error(
                InputError(
                    f"{table.path}: row {row + 1} has no place and size in numbers below "
                    f"{_LARGEST:g} pixels."
                )
            )
        else:
            kept = tuple((name, column[row]) for name, column in texts.items() if column[row])
            xmin, ymin, xmax, ymax = edges[row].tolist()
            boxes.append(ObjectBox(labels[row], xmin, ymin, xmax, ymax, attributes=kept))
    return tuple(boxes)


def class_name_of(reading: ReadOptions) -> str:
    """Return the label of objects whose table gives none: ``class_name``, or "object"."""
    return str(reading.settings.get("class_name") or "object")


def number_setting(reading: ReadOptions, name: str) -> float | None:
    """Return a setting that is a number above 0; None if it is not set.

    Raises
    ------
    InputError
        If it is none.
    """
    value: Any = reading.settings.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < _LARGEST:
        raise InputError(f"{name} is {value!r}; give a number above 0.")
    return number


def matches(path: Path, wanted: Callable[[Columns], bool]) -> bool:
    """Return whether a table, or one of the first of a folder, has the columns that are wanted.

    Never raises: what cannot be read does not match.
    """
    try:
        for file in islice(table_files(path), _GLANCES):
            names = column_names(file)
            if names and wanted(Columns(file, {name: [] for name in names})):
                return True
    except (InputError, OSError):
        return False
    return False
