"""Mend what is wrong with the boxes of an image, as far as that is safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .annotation import AnnotatedImage, ObjectBox
from .issues import SLACK

__all__ = ["Change", "ChangeKind", "mend"]

ChangeKind = Literal["size", "swapped", "clipped", "dropped", "left-out"]


@dataclass(frozen=True)
class Change:
    """One thing that was mended.

    Attributes
    ----------
    kind : ChangeKind
        The image's size was set, the edges of a box swapped or clipped, a box dropped, or all of an
        annotation left out.
    file : str
        The annotation file.
    image : str
        The image as its annotation names it.
    object : int or None
        Number of the object, from 1, in the annotation as it was; None for a change of the image.
    message : str
        From what to what.
    """

    kind: ChangeKind
    file: str
    image: str
    object: int | None
    message: str


def mend(
    image: AnnotatedImage, size: tuple[int, int] | None, file: str
) -> tuple[AnnotatedImage, list[Change]]:
    """Return the annotation of an image with sound boxes.

    Swapped edges are put in order, boxes are clipped to the image, and boxes that are then empty or
    equal to an earlier one in every respect are dropped.  A size that differs from the image's is
    replaced if all boxes lie in the image: else the boxes are those of another size, and only a
    person can tell what was meant.

    Parameters
    ----------
    image : AnnotatedImage
        As it was read.
    size : (int, int) or None
        Width and height of the image itself; None where it is missing or unreadable.
    file : str
        The annotation file, for the changes.

    Returns
    -------
    mended : AnnotatedImage
        The annotation; `image` itself where there is nothing to mend.
    changes : list of Change
        What was done, in the order of the objects.
    """
    changes: list[Change] = []

    def note(kind: ChangeKind, number: int | None, message: str) -> None:
        changes.append(Change(kind, file, image.filename, number, message))

    declared = (image.width, image.height)
    if size is not None and size != declared and (0 in declared or _holds(size, image)):
        note("size", None, f"{_sides(declared)} -> {_sides(size)}")
        declared = size
    kept: dict[ObjectBox, int] = {}
    for number, box in enumerate(image.objects, 1):
        mended = box
        for kind, step in _steps(box, declared):
            note(kind, number, f"{_edges(mended)} -> {_edges(step)}")
            mended = step
        if mended.width == 0 or mended.height == 0:
            note("dropped", number, f"{_edges(mended)} is empty")
        elif mended in kept:
            note("dropped", number, f"equal to object {kept[mended]}")
        else:
            kept[mended] = number
    if not changes:
        return image, changes
    width, height = declared
    return replace(image, width=width, height=height, objects=tuple(kept)), changes


def _steps(box: ObjectBox, size: tuple[int, int]) -> Iterator[tuple[ChangeKind, ObjectBox]]:
    """Yield the box with its edges in order, then within the image, where that differs."""
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
    if any(abs(a - b) > SLACK for a, b in zip(box.edges, clipped.edges, strict=True)):
        yield "clipped", clipped


def _holds(size: tuple[int, int], image: AnnotatedImage) -> bool:
    """Return whether all boxes lie in an image of that size."""
    if not image.objects:
        return True
    boxes = image.boxes
    far = boxes.reshape(-1, 2).max(axis=0)
    return bool(boxes.min() >= -SLACK and (far <= [side + SLACK for side in size]).all())


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _edges(box: ObjectBox) -> str:
    return "(" + ", ".join(f"{edge:.6g}" for edge in box.edges) + ")"
