"""Arrays that are held in a temporary file instead of in memory."""

from __future__ import annotations

from collections.abc import Iterable
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import Any, Generic, TypeVar
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from .lazy_sequence import LazySequence

__all__ = ["ArrayFile"]

Scalar = TypeVar("Scalar", bound=np.generic)

_IN_MEMORY = 2**24  # bytes, until the file is on disk


class ArrayFile(LazySequence[NDArray[Scalar]], Generic[Scalar]):
    """Arrays in a temporary file, to which more can be appended.

    It can be pickled, with all arrays; it is not for several threads.

    Parameters
    ----------
    arrays : iterable of ndarray
        The arrays, of plain numbers.
    """

    def __init__(self, arrays: Iterable[NDArray[Scalar]] = ()) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        finalize(self, self._file.close)
        self._places: list[tuple[int, np.dtype[Any], tuple[int, ...]]] = []
        for array in arrays:
            self.append(array)

    def append(self, array: NDArray[Scalar]) -> None:
        """Add an array at the end.

        Parameters
        ----------
        array : ndarray
            The array.

        Raises
        ------
        OutputError
            If the folder for temporary files is full or missing.
        """
        try:
            start = self._file.seek(0, SEEK_END)
            self._file.write(array.tobytes())
        except OSError as error:
            raise OutputError(
                f"Intermediate results cannot be held in a temporary file: {error.strerror}. Free "
                "space in the folder for temporary files, or set TMPDIR to another one."
            ) from error
        self._places.append((start, array.dtype, array.shape))

    def __len__(self) -> int:
        return len(self._places)

    def _item(self, number: int) -> NDArray[Scalar]:
        """Return a copy of an array."""
        start, kind, shape = self._places[number]
        array = np.empty(shape, kind)
        self._file.seek(start)
        array.ravel()[:] = np.frombuffer(self._file.read(array.nbytes), kind)
        return array

    def __reduce__(self) -> tuple[type[ArrayFile[Scalar]], tuple[list[NDArray[Scalar]]]]:
        return ArrayFile, (list(self),)
