"""Safe repairs of the boxes of an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .annotation import AnnotatedImage, ObjectBox
from .issues import TOLERANCE

__all__ = ["BoxRepair", "RepairKind", "repair"]

RepairKind = Literal["size", "swapped", "clipped", "dropped", "left-out"]


@dataclass(frozen=True)
class BoxRepair:
    """Repair of an annotation.

    Attributes
    ----------
    kind : RepairKind
        The image's size was set, the edges of a box swapped or clipped, a box dropped, or a whole
        annotation left out.
    file : str
        The annotation file.
    image : str
        The image as its annotation names it.
    object : int or None
        Number of the object, from 1, in the annotation as it was; None for the whole image.
    message : str
        Values before and after.
    """

    kind: RepairKind
    file: str
    image: str
    object: int | None
    message: str


def repair(
    image: AnnotatedImage, size: tuple[int, int] | None, file: str
) -> tuple[AnnotatedImage, list[BoxRepair]]:
    """Return the annotation of an image with valid boxes.

    Swapped edges are reordered, boxes are clipped to the image, and boxes that are then empty or
    identical to an earlier one are dropped.  A size that differs from the image's is replaced only
    if all boxes fit into the image; otherwise the boxes may belong to another size.

    Parameters
    ----------
    image : AnnotatedImage
        The annotation as read.
    size : (int, int) or None
        Width and height of the image itself in pixels; None if it is missing or unreadable.
    file : str
        The annotation file, for the repairs.

    Returns
    -------
    repaired : AnnotatedImage
        The annotation; `image` itself if nothing was repaired.
    repairs : list of BoxRepair
        In the order of the objects.
    """
    repairs: list[BoxRepair] = []

    def record(kind: RepairKind, number: int | None, message: str) -> None:
        repairs.append(BoxRepair(kind, file, image.filename, number, message))

    declared = (image.width, image.height)
    if size is not None and size != declared and (0 in declared or _contains(size, image)):
        record("size", None, f"{declared[0]} x {declared[1]} -> {size[0]} x {size[1]}")
        declared = size
    kept: dict[ObjectBox, int] = {}
    for number, box in enumerate(image.objects, 1):
        for kind, repaired in _repaired(box, declared):
            record(kind, number, f"{_edges(box)} -> {_edges(repaired)}")
            box = repaired
        if box.width == 0 or box.height == 0:
            record("dropped", number, f"{_edges(box)} is empty")
        elif box in kept:
            record("dropped", number, f"equal to object {kept[box]}")
        else:
            kept[box] = number
    if not repairs:
        return image, repairs
    width, height = declared
    return replace(image, width=width, height=height, objects=tuple(kept)), repairs


def _repaired(box: ObjectBox, size: tuple[int, int]) -> Iterator[tuple[RepairKind, ObjectBox]]:
    """Yield the box with ordered edges, then clipped to the image, each if it differs."""
    if box.xmax < box.xmin or box.ymax < box.ymin:
        (xmin, xmax), (ymin, ymax) = sorted((box.xmin, box.xmax)), sorted((box.ymin, box.ymax))
        box = replace(box, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)
        yield "swapped", box
    if 0 in size:
        return
    width, height = size
    clipped = replace(
        box,
        xmin=min(max(box.xmin, 0.0), width),
        ymin=min(max(box.ymin, 0.0), height),
        xmax=min(max(box.xmax, 0.0), width),
        ymax=min(max(box.ymax, 0.0), height),
    )
    if any(abs(a - b) > TOLERANCE for a, b in zip(box.edges, clipped.edges, strict=True)):
        yield "clipped", clipped


def _contains(size: tuple[int, int], image: AnnotatedImage) -> bool:
    """Return whether all boxes fit into an image of that size."""
    if not image.objects:
        return True
    boxes = image.boxes
    far = boxes.reshape(-1, 2).max(axis=0)
    return bool(boxes.min() >= -TOLERANCE and (far <= [side + TOLERANCE for side in size]).all())


def _edges(box: ObjectBox) -> str:
    return "(" + ", ".join(f"{edge:.6g}" for edge in box.edges) + ")"
