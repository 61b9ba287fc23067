"""Crops of the galaxies of a field: held in temporary files, and read by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..files.array_file import ArrayFile
from ..files.lazy_sequence import LazySequence
from ..imaging import Field, pixel_square
from ..imaging.fits_crops import crop_pixels, framed_crop

__all__ = ["LinearCrops", "NamedCrops"]

Crop = TypeVar("Crop")


class LinearCrops(LazySequence[Field]):
    """Crops with linear pixels, as `crop_field` cuts them, without a name."""

    def __init__(self) -> None:
        self._pixels = ArrayFile[Any]()
        self._bad = ArrayFile[np.bool_]()
        self._squares: list[tuple[Field, tuple[int, int, int]]] = []

    def append(self, field: Field, boxes: NDArray[np.float64], margin: float) -> None:
        """Cut crops out of a field.

        Parameters
        ----------
        field : Field
            The field.
        boxes : ndarray of float64, shape (N, 4)
            Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
        margin : float
            Side of a crop relative to the longer side of its box.
        """
        # What the crops have in common, without the pixels of the field.
        frame = replace(field, pixels=field.pixels[:0, :0].copy(), bad=np.zeros((0, 0), bool))
        for box in boxes:
            square = pixel_square(box, margin)
            pixels, bad = crop_pixels(field, square)
            self._pixels.append(pixels)
            self._bad.append(bad)
            self._squares.append((frame, square))

    def __len__(self) -> int:
        return len(self._squares)

    def _item(self, number: int) -> Field:
        """Return a crop."""
        frame, square = self._squares[number]
        return framed_crop(frame, square, self._pixels[number], self._bad[number], "")


class NamedCrops(Mapping[str, Crop], Generic[Crop]):
    """Crops by name, read one at a time.

    Parameters
    ----------
    names : sequence of str
        The names, in their order.
    crops : sequence
        The crops: pictures or fields.
    places : sequence of int
        Place among the crops, of each name.
    """

    def __init__(self, names: Sequence[str], crops: Sequence[Crop], places: Sequence[int]) -> None:
        self._crops, self._places = crops, dict(zip(names, places, strict=True))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, name: str) -> Crop:
        """Return a crop; a field bears the name.

        Parameters
        ----------
        name : str
            The name.
        """
        crop = self._crops[self._places[name]]
        return replace(crop, identifier=name) if isinstance(crop, Field) else crop
