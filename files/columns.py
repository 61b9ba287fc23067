"""Columns of a table, as numbers or as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["Columns"]


class Columns:
    """Table columns of equal length, read as numbers or as text on demand.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    values : mapping of str to sequence
        A list of str, or an array of numbers or str, for each name; of equal lengths.
    units : mapping of str to str, optional
        Units as written in the file; a column may have none.
    """

    def __init__(
        self,
        path: Path,
        values: Mapping[str, Sequence[str] | NDArray[Any]],
        units: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self._values = dict(values)
        self._units = dict(units or {})
        self._spelling = {name.lower(): name for name in reversed(self._values)}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self._values.values()), ()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns in the order of the file."""
        return tuple(self._values)

    def find(self, names: Iterable[str]) -> str | None:
        """Return the first of these names that is a column, as spelled in the file.

        Parameters
        ----------
        names : iterable of str
            Column names, case-insensitive as in FITS.
        """
        known = (self._spelling.get(name.lower()) for name in names)
        return next((name for name in known if name is not None), None)

    def unit(self, name: str) -> str:
        """Return the unit of a column as written in the file; empty if it has none.

        Parameters
        ----------
        name : str
            The column.
        """
        return self._units.get(name, "").strip()

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Columns:
        """Return some of the rows.

        Parameters
        ----------
        rows : sequence of int
            Numbers of the rows.
        """
        values = {
            name: column[np.asarray(rows, dtype=np.intp)]
            if isinstance(column, np.ndarray)
            else [column[row] for row in rows]
            for name, column in self._values.items()
        }
        return Columns(self.path, values, self._units)

    def is_text(self, name: str) -> bool:
        """Return whether some value of a column is not a number.

        Parameters
        ----------
        name : str
            The column.
        """
        return not _is_numeric(self._values[name]) and any(
            text and math.isnan(_number(text)) for text in self.texts(name)
        )

    def numbers(self, name: str, *, required: bool = True) -> NDArray[np.float64]:
        """Return a column as float64; NaN where a value is missing or not a number.

        Parameters
        ----------
        name : str
            The column.
        required : bool
            Raise an error for a column without any number.

        Raises
        ------
        InputError
            If numbers are required and there are none.
        """
        values = self._values[name]
        if _is_numeric(values):
            numbers = np.ma.getdata(values).astype(np.float64)
            numbers[np.ma.getmaskarray(values)] = np.nan
            return numbers
        numbers = np.array([_number(text) for text in self.texts(name)], dtype=np.float64)
        if required and len(numbers) and np.isnan(numbers).all():
            raise InputError(
                f"{self.path}: the column {name} holds no numbers, for example "
                f"{self.texts(name)[0][:40]!r}. Write plain decimal numbers (angles in degrees)."
            )
        return numbers

    def texts(self, name: str) -> list[str]:
        """Return a column as text without surrounding blanks; empty where a value is missing.

        Parameters
        ----------
        name : str
            The column.
        """
        values = self._values[name]
        if not isinstance(values, np.ndarray):
            return [text.strip() for text in values]
        missing = np.ma.getmaskarray(values).tolist()
        # str gives the shortest representation of a number, also of a float32.
        texts = (_text(value) for value in np.ma.getdata(values))
        return ["" if masked else text for text, masked in zip(texts, missing, strict=True)]


def _is_numeric(values: object) -> TypeGuard[NDArray[Any]]:
    return isinstance(values, np.ndarray) and values.dtype.kind in "iuf"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _text(value: Any) -> str:
    return "" if value != value else str(value).strip().removesuffix(".0")
