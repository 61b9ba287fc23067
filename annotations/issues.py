"""Kinds of annotation issues, and the checks of an image's boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .annotation import AnnotatedImage, ObjectBox

__all__ = ["ISSUES", "TOLERANCE", "Issue", "IssueKind", "box_issues", "duplicates", "small_boxes"]

IssueKind = Literal[
    "unreadable-annotation",
    "missing-image",
    "unreadable-image",
    "image-twice",
    "wrong-size",
    "unknown-class",
    "inverted",
    "empty",
    "outside",
    "small",
    "duplicate",
]

ISSUES: dict[IssueKind, str] = {
    "unreadable-annotation": "annotation that cannot be read",
    "missing-image": "image missing",
    "unreadable-image": "image unreadable",
    "image-twice": "two annotations of one image",
    "wrong-size": "size differs from the image",
    "unknown-class": "unknown class",
    "inverted": "inverted box",
    "empty": "empty box",
    "outside": "box outside the image",
    "small": "small box",
    "duplicate": "duplicate box",
}
"""Every kind of issue and its description."""

TOLERANCE = 0.01
"""Tolerance of edges in pixels: formats that hold fractions of the image's size round them."""

_DUPLICATE_IOU = 0.95


@dataclass(frozen=True)
class Issue:
    """Issue of an annotation.

    Attributes
    ----------
    kind : IssueKind
        A key of `ISSUES`.
    file : str
        The annotation file.
    image : str
        The image as its annotation names it; empty if the annotation cannot be read.
    object : int or None
        Number of the object in the annotation, from 1; None for an issue of the whole image.
    message : str
        Details in numbers.
    """

    kind: IssueKind
    file: str
    image: str
    object: int | None
    message: str


def box_issues(image: AnnotatedImage) -> Iterator[tuple[int, IssueKind]]:
    """Yield the number (from 1) and the issue of each inverted, empty or outside box.

    A box is outside if it exceeds the image by more than `TOLERANCE`.  If the size of the image is
    unknown, only negative edges are reported.

    Parameters
    ----------
    image : AnnotatedImage
        The boxes, pixel edges, 0-based, half-open.
    """
    right = image.width + TOLERANCE if image.width else float("inf")
    bottom = image.height + TOLERANCE if image.height else float("inf")
    for number, box in enumerate(image.objects, 1):
        if box.xmax < box.xmin or box.ymax < box.ymin:
            yield number, "inverted"
        elif box.xmax == box.xmin or box.ymax == box.ymin:
            yield number, "empty"
        elif min(box.xmin, box.ymin) < -TOLERANCE or box.xmax > right or box.ymax > bottom:
            yield number, "outside"


def small_boxes(image: AnnotatedImage, smallest: float) -> Iterator[int]:
    """Yield the number (from 1) of each non-empty box with a shorter side below a limit.

    Parameters
    ----------
    image : AnnotatedImage
        The boxes.
    smallest : float
        The limit in pixels.
    """
    for number, box in enumerate(image.objects, 1):
        if 0 < min(box.width, box.height) < smallest:
            yield number


def duplicates(image: AnnotatedImage) -> Iterator[tuple[int, int]]:
    """Yield the numbers (from 1) of each duplicate and of the box that it repeats.

    Duplicates are boxes of one class with an IoU above 0.95.  Each is reported once.

    Parameters
    ----------
    image : AnnotatedImage
        The boxes.
    """
    valid = [item for item in enumerate(image.objects, 1) if min(item[1].width, item[1].height) > 0]
    ordered = sorted(valid, key=lambda item: (item[1].label, item[1].xmin))
    repeated: set[int] = set()
    for place, (number, box) in enumerate(ordered):
        if number in repeated:
            continue
        # A box shifted by more than a twentieth of the width cannot reach this IoU.
        reach = box.xmin + (1 - _DUPLICATE_IOU) * box.width
        for other_number, other in ordered[place + 1 :]:
            if other.label != box.label or other.xmin > reach:
                break
            if other_number not in repeated and _iou(box, other) > _DUPLICATE_IOU:
                repeated.add(max(number, other_number))
                yield max(number, other_number), min(number, other_number)


def _iou(a: ObjectBox, b: ObjectBox) -> float:
    width = min(a.xmax, b.xmax) - max(a.xmin, b.xmin)
    height = min(a.ymax, b.ymax) - max(a.ymin, b.ymin)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.width * a.height + b.width * b.height - shared)
