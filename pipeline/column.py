"""One column of the catalogue: its type, unit, description and rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Column"]

_DTYPES = {"real": np.float64, "integer": np.int64}


@dataclass(frozen=True)
class Column:
    """One column of the catalogue.

    Attributes
    ----------
    name : str
        Name, the same in all formats.
    kind : {"text", "real", "integer", "truth"}
        Type of the values: str, float64, int64, bool.
    unit : str or None
        Unit, as astropy writes it.
    ucd : str
        Unified Content Descriptor of the IVOA, from the controlled vocabulary UCD1+.
    description : str
        Description, one sentence.
    decimals : int or None
        Values are rounded to this many decimals, so that all formats contain the same values.
    digits : int or None
        Values are rounded to this many significant digits instead.
    """

    name: str
    kind: Literal["text", "real", "integer", "truth"]
    unit: str | None
    ucd: str
    description: str
    decimals: int | None = None
    digits: int | None = None

    def values(self, values: ArrayLike) -> NDArray[Any]:
        """Return values in the type of the column, rounded.

        Parameters
        ----------
        values : array_like, shape (N,)
            Values without unit.
        """
        array = np.asarray(values)
        if self.kind == "text":
            # Some formats do not support strings of length 0, the type of an empty column.
            return array.astype(str) if array.size else np.zeros(0, dtype="U1")
        if self.kind == "truth":
            # Some formats give truth values as text.
            return np.asarray(array.astype(str) == "True")
        array = array.astype(_DTYPES[self.kind])
        if self.digits is not None:
            return np.array([float(f"{value:.{self.digits}g}") for value in array.tolist()])
        return array if self.decimals is None else np.round(array, self.decimals)
