"""Windows of an image that is decoded by whole rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowCache"]

_LEAST_ROWS = 32  # decoded at a time
_LARGEST = 2**28  # bytes of decoded rows that are kept


class RowCache:
    """Keeps the decoded rows of the last window, since windows beside each other share them.

    Parameters
    ----------
    decode : callable
        Returns the rows from one number to another, shape (rows, width) or (rows, width, C).
    height : int
        Number of rows.
    step : int
        Number of rows that are decoded together anyway, as in a strip of a TIFF.
    """

    def __init__(
        self, decode: Callable[[int, int], NDArray[Any]], height: int, step: int = 1
    ) -> None:
        self._decode = decode
        self._height = height
        self._step = step * -(-_LEAST_ROWS // step)
        self._kept: dict[int, NDArray[Any]] = {}

    def __call__(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return a window.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns.
        """
        numbers = range(rows.start // self._step, -(-rows.stop // self._step))
        # Rows of other windows go first, to make room.
        self._kept = {number: part for number, part in self._kept.items() if number in numbers}
        parts, size = [], sum(part.nbytes for part in self._kept.values())
        for number in numbers:
            start = number * self._step
            part = self._kept.get(number)
            if part is None:
                part = self._decode(start, min(start + self._step, self._height))
                if size + part.nbytes <= _LARGEST:
                    self._kept[number] = part
                    size += part.nbytes
            parts.append(part[max(rows.start - start, 0) : rows.stop - start, columns])
        return np.concatenate(parts)
