"""Count annotations, and measure the sizes and shapes of their boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .box_table import BoxTable

__all__ = ["ClassStatistics", "Statistics", "objects_per_image", "statistics"]

_PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class ClassStatistics:
    """Figures of one class, or of all.

    Attributes
    ----------
    images : int
        With an object of the class, difficult or not.
    objects, difficult : int
        Objects that count, and those that do not.
    size, longer_side, aspect_ratio : mapping of str to float
        Square root of the area and longer side, in pixels, and width over height: ``min``, ``max``
        and the percentiles (``p5`` ...) over the objects that count; empty if there are none.
    """

    images: int
    objects: int
    difficult: int
    size: Mapping[str, float]
    longer_side: Mapping[str, float]
    aspect_ratio: Mapping[str, float]


@dataclass(frozen=True)
class Statistics:
    """Figures of a set of annotations.

    Attributes
    ----------
    images, without_objects : int
        Annotated images, and those of them without an object that counts.
    faulty : int
        Empty or inverted boxes, which are counted but not measured.
    objects_per_image : mapping of str to float
        Number of objects that count: its ``mean``, ``min``, ``max`` and percentiles.
    image_sizes : mapping of str to int
        Number of images by ``WIDTHxHEIGHT``, the commonest first.
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
        """Return the figures as plain values."""
        return asdict(self)


def statistics(table: BoxTable) -> Statistics:
    """Count and measure annotations."""
    counts = objects_per_image(table)
    sizes, numbers = np.unique(table.sizes, axis=0, return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    mean = {"mean": round(float(counts.mean()), 3)} if len(counts) else {}
    return Statistics(
        images=len(counts),
        without_objects=int((counts == 0).sum()),
        faulty=int((~table.sound).sum()),
        objects_per_image=mean | _spread(counts),
        image_sizes={f"{sizes[k, 0]}x{sizes[k, 1]}": int(numbers[k]) for k in order},
        total=_of(table, np.ones(len(table.boxes), dtype=bool)),
        classes={
            label: _of(table, table.label_ids == number)
            for number, label in enumerate(table.labels)
        },
    )


def objects_per_image(table: BoxTable) -> NDArray[np.int64]:
    """Return the number of objects on each image, without the difficult ones."""
    return np.bincount(table.images[~table.difficult], minlength=len(table.sizes))


def _of(table: BoxTable, chosen: NDArray[np.bool_]) -> ClassStatistics:
    sides = table.sides[chosen & ~table.difficult & table.sound]
    return ClassStatistics(
        images=len(np.unique(table.images[chosen])),
        objects=int((chosen & ~table.difficult).sum()),
        difficult=int((chosen & table.difficult).sum()),
        size=_spread(np.sqrt(sides.prod(axis=1))),
        longer_side=_spread(sides.max(axis=1, initial=0)),
        aspect_ratio=_spread(sides[:, 0] / sides[:, 1]),
    )


def _spread(values: NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return {}
    names = ("min", *(f"p{share}" for share in _PERCENTILES), "max")
    levels = np.percentile(values, (0, *_PERCENTILES, 100))
    return {name: round(float(level), 3) for name, level in zip(names, levels, strict=True)}
