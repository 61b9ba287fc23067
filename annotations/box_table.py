"""All boxes of a set of annotations as arrays, for counting and measuring."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .annotation import AnnotatedImage

__all__ = ["BoxTable"]


@dataclass(frozen=True, eq=False)
class BoxTable:
    """The objects of many images, row by row.

    Attributes
    ----------
    labels : tuple of str
        The classes that occur, sorted.
    label_ids : ndarray of int, shape (N,)
        Index in `labels` of each object.
    boxes : ndarray, shape (N, 4)
        Pixel edges ``xmin, ymin, xmax, ymax``, as annotated.
    difficult : ndarray of bool, shape (N,)
    images : ndarray of int, shape (N,)
        Number of the image that each object is on.
    sizes : ndarray of int, shape (M, 2)
        Width and height of each image in pixels; 0 where it is not known.
    """

    labels: tuple[str, ...]
    label_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    difficult: NDArray[np.bool_]
    images: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def gather(cls, images: Iterable[AnnotatedImage]) -> BoxTable:
        """Go through the images once and keep their boxes: 49 bytes an object."""
        known: dict[str, int] = {}
        ids, numbers, sizes = array("q"), array("q"), array("q")
        edges, flags = array("d"), array("b")
        for number, image in enumerate(images):
            sizes.extend((image.width, image.height))
            for box in image.objects:
                ids.append(known.setdefault(box.label, len(known)))
                numbers.append(number)
                edges.extend(box.edges)
                flags.append(box.difficult)
        labels = sorted(known)
        place = np.array([labels.index(label) for label in known], dtype=np.int64)
        return cls(
            tuple(labels),
            place[np.array(ids, dtype=np.int64)],
            np.array(edges, dtype=np.float64).reshape(-1, 4),
            np.array(flags, dtype=bool),
            np.array(numbers, dtype=np.int64),
            np.array(sizes, dtype=np.int64).reshape(-1, 2),
        )

    @property
    def sides(self) -> NDArray[np.float64]:
        """Width and height of each box in pixels, shape (N, 2); not positive if it is inverted."""
        return self.boxes[:, 2:] - self.boxes[:, :2]

    @property
    def sound(self) -> NDArray[np.bool_]:
        """Which boxes are neither empty nor inverted, shape (N,)."""
        return np.all(self.sides > 0, axis=1)
