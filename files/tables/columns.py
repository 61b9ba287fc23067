"""The columns of a stranger's table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["Columns"]


class Columns:
    """Columns of equal length, each taken as numbers or as texts when it is needed.

    Parameters
    ----------
    path : Path
        The file, named in messages.
    values : mapping of str to sequence
        A list of texts, or an array of numbers or texts, for each name; of equal lengths.
    units : mapping of str to str
        What the file says of them; a column may have none.
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
        """Names of the columns in the order of the file."""
        return tuple(self._values)

    def find(self, names: Iterable[str]) -> str | None:
        """Return the first of these names that is a column, as the file spells it.

        Capitals do not count, as in FITS.
        """
        known = (self._spelling.get(name.lower()) for name in names)
        return next((name for name in known if name is not None), None)

    def unit(self, name: str) -> str:
        """Return the unit of a column as the file writes it; empty if it has none."""
        return self._units.get(name, "").strip()

    def is_text(self, name: str) -> bool:
        """Return whether some value of a column is no number."""
        values = self._values[name]
        if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
            return False
        return any(text and math.isnan(_number(text)) for text in self.texts(name))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64; NaN stands for what is missing or no number.

        Raises
        ------
        InputError
            If none of its values is a number.
        """
        values = self._values[name]
        if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
            return values.astype(np.float64)
        numbers = np.array([_number(text) for text in self.texts(name)], dtype=np.float64)
        if len(numbers) and np.isnan(numbers).all():
            raise InputError(
                f"{self.path}: the column {name} holds no numbers, but {self.texts(name)[0][:40]!r}"
                " and the like. Write plain decimal numbers (angles in degrees)."
            )
        return numbers

    def texts(self, name: str) -> list[str]:
        """Return a column as texts without blanks around them; a missing one is empty."""
        values = self._values[name]
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            return ["" if math.isnan(value) else f"{value:.7g}" for value in values.tolist()]
        return [str(value).strip() for value in values]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
