"""What can be wrong with annotations, and what of it the boxes of one image show by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .annotation import AnnotatedImage, ObjectBox

__all__ = ["FAULTS", "SLACK", "Fault", "FaultKind", "box_faults", "duplicates", "small_boxes"]

FaultKind = Literal[
    "unreadable-annotation",
    "missing-image",
    "unreadable-image",
    "image-twice",
    "wrong-size",
    "no-boxes",
    "unknown-class",
    "inverted",
    "empty",
    "outside",
    "small",
    "duplicate",
]

FAULTS: dict[FaultKind, str] = {
    "unreadable-annotation": "annotation that cannot be read",
    "missing-image": "image missing",
    "unreadable-image": "image unreadable",
    "image-twice": "two annotations of one image",
    "wrong-size": "size differs from the image",
    "no-boxes": "image without boxes",
    "unknown-class": "unknown class",
    "inverted": "inverted box",
    "empty": "empty box",
    "outside": "box outside the image",
    "small": "small box",
    "duplicate": "duplicate box",
}
"""Every kind of fault and how people call it."""

SLACK = 0.01
"""Pixels by which an edge may miss: formats that hold shares of the image's size round them."""

_SAME = 0.95


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    kind : FaultKind
        A key of `FAULTS`.
    file : str
        The annotation file.
    image : str
        The image as its annotation names it; empty where the annotation cannot be read.
    object : int or None
        Number of the object, from 1, in the order of the annotation; None for a fault of the whole
        image.
    message : str
        What is wrong, in numbers.
    """

    kind: FaultKind
    file: str
    image: str
    object: int | None
    message: str


def box_faults(image: AnnotatedImage) -> Iterator[tuple[int, FaultKind]]:
    """Yield the number of each box that cannot be right, from 1, and why.

    A box is inverted, or else empty, or else it reaches beyond the image by more than a hundredth
    of a pixel; where the size of the image is unknown, beyond its upper left corner.
    """
    right = image.width + SLACK if image.width else float("inf")
    bottom = image.height + SLACK if image.height else float("inf")
    for number, box in enumerate(image.objects, 1):
        if box.xmax < box.xmin or box.ymax < box.ymin:
            yield number, "inverted"
        elif box.xmax == box.xmin or box.ymax == box.ymin:
            yield number, "empty"
        elif box.xmin < -SLACK or box.ymin < -SLACK or box.xmax > right or box.ymax > bottom:
            yield number, "outside"


def small_boxes(image: AnnotatedImage, smallest: float) -> Iterator[int]:
    """Yield the number of each box, from 1, whose shorter side is positive and below `smallest`."""
    for number, box in enumerate(image.objects, 1):
        if 0 < min(box.width, box.height) < smallest:
            yield number


def duplicates(image: AnnotatedImage) -> Iterator[tuple[int, int]]:
    """Yield the numbers, from 1, of two boxes of one class with an IoU over 0.95, the later first.

    Of three such boxes the second and third are named, not each pair.
    """
    sound = [item for item in enumerate(image.objects, 1) if min(item[1].width, item[1].height) > 0]
    ordered = sorted(sound, key=lambda item: (item[1].label, item[1].xmin))
    again: set[int] = set()
    for place, (number, box) in enumerate(ordered):
        if number in again:
            continue
        # Shifted by a twentieth of its width, no box has that IoU with it any more.
        reach = box.xmin + (1 - _SAME) * box.width
        for other_number, other in ordered[place + 1 :]:
            if other.label != box.label or other.xmin > reach:
                break
            if other_number not in again and _iou(box, other) > _SAME:
                again.add(max(number, other_number))
                yield max(number, other_number), min(number, other_number)


def _iou(a: ObjectBox, b: ObjectBox) -> float:
    width = min(a.xmax, b.xmax) - max(a.xmin, b.xmin)
    height = min(a.ymax, b.ymax) - max(a.ymin, b.ymin)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.width * a.height + b.width * b.height - shared)
