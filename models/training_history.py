"""History of a training: a table of losses and measures, a row for each epoch or measurement."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files.atomic import atomic_path

__all__ = ["HISTORY_NAME", "TrainingHistory", "read_history"]

logger = logging.getLogger("galpipe")

HISTORY_NAME = "history.csv"
"""File of the history in the folder of a training or of one of its networks."""


class TrainingHistory:
    """The file ``history.csv``, which is continued with the training.

    Parameters
    ----------
    folder : Path
        Folder of the file.
    columns : sequence of str
        Names of the columns; the first is the epoch or step.
    done : int
        Epochs or steps of earlier starts; later rows are dropped, since they are repeated.
    """

    def __init__(self, folder: Path, columns: Sequence[str], done: int) -> None:
        self._file = folder / HISTORY_NAME
        self._columns = columns
        place = columns[0]
        self._rows = [row for row in _read(self._file) if float(row.get(place) or "inf") <= done]

    def add(self, place: int, values: Mapping[str, float]) -> None:
        """Add a row.

        Parameters
        ----------
        place : int
            Number of epochs or steps done.
        values : mapping of str to float
            Values by column; others are empty.
        """
        row = {name: f"{value:.6g}" for name, value in values.items()}
        self._rows.append({self._columns[0]: str(place)} | row)
        with (
            atomic_path(self._file) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as lines,
        ):
            writer = csv.DictWriter(lines, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self._rows)


def read_history(folder: Path) -> dict[str, list[float]]:
    """Read the history of a training, empty without one.

    Parameters
    ----------
    folder : Path
        Folder of ``history.csv``.

    Returns
    -------
    dict of str to list of float
        Columns by name; NaN for empty values.
    """
    rows = _read(folder / HISTORY_NAME)
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def _read(file: Path) -> list[dict[str, str]]:
    """Return the rows of a history; none, with a warning, if it is damaged."""
    if not file.is_file():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        for value in (value for row in rows for value in row.values()):
            float(value or "nan")
    except (ValueError, TypeError, csv.Error) as error:
        logger.warning("%s: is damaged and begins anew (%s)", file, error)
        return []
    return rows
