"""The one intermediate type between all annotation formats: an image and its labelled boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AnnotatedImage", "ObjectBox", "label_order"]

_EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class ObjectBox:
    """One labelled object of an image.

    Attributes
    ----------
    label : str
        Name of the class.
    xmin, ymin, xmax, ymax : float
        Pixel edges, 0-based and half-open: the first pixel spans 0 to 1, x runs to the right and y
        down in the array as read.  An inverted box is representable, so that it can be reported.
    difficult : bool
        Undecidable for the annotator, or a crowd: such a box neither trains nor counts.  What
        Pascal VOC calls difficult and COCO a crowd is one thing here.
    truncated : bool
        The object goes on beyond the image or behind another object.
    pose : str
        Free text of the Pascal VOC format.
    attributes : tuple of (str, str)
        Whatever else the format says of the object, by name.

    Raises
    ------
    ValueError
        If an edge is not a finite number.
    """

    label: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"
    attributes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name, edge in zip(_EDGES, self.edges, strict=True):
            # Most are floats already, and there are many boxes.
            if type(edge) is not float:
                edge = float(edge)
                object.__setattr__(self, name, edge)
            if not math.isfinite(edge):
                raise ValueError(f"box edges must be finite, got {self.edges}")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """The four edges ``(xmin, ymin, xmax, ymax)`` in pixels."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    @property
    def width(self) -> float:
        """Extent along x in pixels."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """Extent along y in pixels."""
        return self.ymax - self.ymin


@dataclass(frozen=True)
class AnnotatedImage:
    """An image's name and size with the objects marked on it.

    Attributes
    ----------
    filename : str
        Name of the image as its annotation gives it; it may lack the extension and comes from a
        stranger, so open it through `find_image` only.
    width, height : int
        Size in pixels; 0 where the annotation does not say.
    depth : int
        Number of channels.
    objects : tuple of ObjectBox
        In the order of the file.
    """

    filename: str
    width: int
    height: int
    depth: int = 3
    objects: tuple[ObjectBox, ...] = ()

    @property
    def boxes(self) -> NDArray[np.float64]:
        """Edges of all objects, shape (N, 4), columns xmin, ymin, xmax, ymax in pixels."""
        edges = [box.edges for box in self.objects]
        return np.asarray(edges, dtype=np.float64).reshape(len(edges), 4)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of all objects."""
        return tuple(box.label for box in self.objects)

    @property
    def difficult(self) -> NDArray[np.bool_]:
        """Which objects are difficult, shape (N,)."""
        return np.array([box.difficult for box in self.objects], dtype=bool)


def label_order(images: Iterable[AnnotatedImage]) -> tuple[str, ...]:
    """Class names that occur in the images, sorted, so that class ids are the same on every run."""
    return tuple(sorted({box.label for image in images for box in image.objects}))
