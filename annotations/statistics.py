"""Count annotations and measure the sizes and shapes of their boxes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .annotation import AnnotatedImage

__all__ = ["BoxTable", "ClassStatistics", "Statistics", "objects_per_image", "statistics"]

_PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, eq=False)
class BoxTable:
    """Boxes of many images as arrays.

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
        Index of the image of each object.
    sizes : ndarray of int, shape (M, 2)
        Width and height of each image in pixels; 0 if unknown.
    """

    labels: tuple[str, ...]
    label_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    difficult: NDArray[np.bool_]
    images: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def gather(cls, images: Iterable[AnnotatedImage]) -> BoxTable:
        """Collect the boxes of images, 49 bytes per object.

        Parameters
        ----------
        images : iterable of AnnotatedImage
            The annotations.
        """
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
        """Width and height of each box in pixels, shape (N, 2); negative if inverted."""
        return self.boxes[:, 2:] - self.boxes[:, :2]

    @property
    def sound(self) -> NDArray[np.bool_]:
        """Mask of the boxes that are neither empty nor inverted, shape (N,)."""
        sound: NDArray[np.bool_] = np.all(self.sides > 0, axis=1)
        return sound


@dataclass(frozen=True)
class ClassStatistics:
    """Statistics of one class, or of all.

    Attributes
    ----------
    images : int
        Images with an object of the class, difficult or not.
    objects, difficult : int
        Numbers of objects without the difficult ones, and of difficult ones.
    size, longer_side, aspect_ratio : mapping of str to float
        Square root of the area and longer side, in pixels, and width over height: ``min``, ``max``
        and percentiles (``p5`` ...) without the difficult objects; empty if there are none.
    """

    images: int
    objects: int
    difficult: int
    size: Mapping[str, float]
    longer_side: Mapping[str, float]
    aspect_ratio: Mapping[str, float]


@dataclass(frozen=True)
class Statistics:
    """Statistics of a set of annotations.

    Attributes
    ----------
    images, without_objects : int
        Numbers of annotated images, and of those without objects (difficult ones aside).
    faulty : int
        Number of empty or inverted boxes, which are not measured.
    objects_per_image : mapping of str to float
        ``mean``, ``min``, ``max`` and percentiles of the number of objects that are not difficult.
    image_sizes : mapping of str to int
        Number of images of each ``WIDTHxHEIGHT``, most frequent first.
    total : ClassStatistics
        All classes together.
    classes : mapping of str to ClassStatistics
    """

    images: int
    without_objects: int
    faulty: int
    objects_per_image: Mapping[str, float]
    image_sizes: Mapping[str, int]
    total: ClassStatistics
    classes: Mapping[str, ClassStatistics]

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as plain values."""
        return asdict(self)


def statistics(table: BoxTable) -> Statistics:
    """Count and measure annotations.

    Parameters
    ----------
    table : BoxTable
        The annotations.
    """
    counts = objects_per_image(table)
    sizes, numbers = np.unique(table.sizes, axis=0, return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    mean = {"mean": round(float(counts.mean()), 3)} if len(counts) else {}
    return Statistics(
        images=len(counts),
        without_objects=int((counts == 0).sum()),
        faulty=int((~table.sound).sum()),
        objects_per_image=mean | _percentiles(counts),
        image_sizes={f"{sizes[k, 0]}x{sizes[k, 1]}": int(numbers[k]) for k in order},
        total=_class_statistics(table, np.ones(len(table.boxes), dtype=bool)),
        classes={
            label: _class_statistics(table, table.label_ids == number)
            for number, label in enumerate(table.labels)
        },
    )


def objects_per_image(table: BoxTable) -> NDArray[np.int64]:
    """Return the number of objects on each image, without the difficult ones.

    Parameters
    ----------
    table : BoxTable
        The annotations.

    Returns
    -------
    ndarray of int, shape (M,)
    """
    return np.bincount(table.images[~table.difficult], minlength=len(table.sizes))


def _class_statistics(table: BoxTable, mask: NDArray[np.bool_]) -> ClassStatistics:
    sides = table.sides[mask & ~table.difficult & table.sound]
    return ClassStatistics(
        images=len(np.unique(table.images[mask])),
        objects=int((mask & ~table.difficult).sum()),
        difficult=int((mask & table.difficult).sum()),
        size=_percentiles(np.sqrt(sides.prod(axis=1))),
        longer_side=_percentiles(sides.max(axis=1, initial=0)),
        aspect_ratio=_percentiles(sides[:, 0] / sides[:, 1]),
    )


def _percentiles(values: NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return {}
    names = ("min", *(f"p{share}" for share in _PERCENTILES), "max")
    levels = np.percentile(values, (0, *_PERCENTILES, 100))
    return {name: round(float(level), 3) for name, level in zip(names, levels, strict=True)}
