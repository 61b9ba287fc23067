"""The intermediate type of all annotation formats: an image and its labelled boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["ANY_CLASS", "AnnotatedImage", "ObjectBox", "refuse_empty_boxes"]

ANY_CLASS = ""
"""Label of a difficult box that is of no class: detections of every class on it are ignored."""

_EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class ObjectBox:
    """A labelled box of an image.

    Attributes
    ----------
    label : str
        Name of the class.
    xmin, ymin, xmax, ymax : float
        Pixel edges, 0-based, half-open: the first pixel spans 0 to 1, x runs to the right and y
        down in the array as read.  Inverted boxes are allowed, so that they can be reported.
    difficult : bool
        Ambiguous object or crowd, ignored in training and scoring.
        Corresponds to ``difficult`` of Pascal VOC and ``iscrowd`` of COCO.
    truncated : bool
        The object extends beyond the image or behind another object.
    pose : str
        Free text of the Pascal VOC format.
    attributes : tuple of (str, str)
        Names and values of all other properties of the object.

    Raises
    ------
    ValueError
        If an edge is not a finite number.

    Examples
    --------
    >>> box = ObjectBox("galaxy", 10, 20, 30, 45)
    >>> box.width, box.height
    (20.0, 25.0)
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
            # The test saves time: most edges are floats already.
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
    """An image's name and size with its labelled boxes.

    Attributes
    ----------
    filename : str
        Name of the image as annotated, possibly without extension.  It is untrusted: open it only
        through `find_image`.
    width, height : int
        Size in pixels; 0 where the annotation does not give it.
    depth : int
        Number of channels.
    objects : tuple of ObjectBox
        Boxes in the order of the file.
    """

    filename: str
    width: int
    height: int
    depth: int = 3
    objects: tuple[ObjectBox, ...] = ()

    @property
    def boxes(self) -> NDArray[np.float64]:
        """The edges ``xmin, ymin, xmax, ymax`` of all objects in pixels, shape (N, 4)."""
        edges = [box.edges for box in self.objects]
        return np.asarray(edges, dtype=np.float64).reshape(len(edges), 4)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of all objects."""
        return tuple(box.label for box in self.objects)

    @property
    def difficult(self) -> NDArray[np.bool_]:
        """Mask of the difficult objects, shape (N,)."""
        return np.array([box.difficult for box in self.objects], dtype=bool)


def refuse_empty_boxes(file: str | Path, image: AnnotatedImage) -> None:
    """Raise an error for the first empty or inverted box of an image.

    Parameters
    ----------
    file : str or Path
        Annotation file, for the message.
    image : AnnotatedImage
        The image.

    Raises
    ------
    InputError
        If a box is empty or inverted.
    """
    for box in image.objects:
        if box.xmax <= box.xmin or box.ymax <= box.ymin:
            raise InputError(
                f"{file} has an empty or inverted box of {box.label!r}: xmin {box.xmin:g}, "
                f"ymin {box.ymin:g}, xmax {box.xmax:g}, ymax {box.ymax:g}. Draw it again."
            )
