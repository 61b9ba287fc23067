"""Boxes in the classes of a model that leaves out or merges classes of the annotations."""

from __future__ import annotations

from dataclasses import replace

from ..configs import ClassMap
from .annotation import ANY_CLASS, AnnotatedImage, ObjectBox

__all__ = ["relabel"]


def relabel(image: AnnotatedImage, classes: ClassMap) -> AnnotatedImage:
    """Convert the labels of boxes to the classes of a model.

    Boxes of a class that is left out become difficult ones of `ANY_CLASS`: they are neither objects
    nor background.  Labels that are no class of the annotations stay as they are.

    Parameters
    ----------
    image : AnnotatedImage
    classes : ClassMap

    Examples
    --------
    >>> classes = ClassMap.of({"spiral": ["barred", "tight"], "star": None})
    >>> boxes = (ObjectBox("tight", 0, 0, 9, 9), ObjectBox("star", 20, 20, 24, 24))
    >>> for box in relabel(AnnotatedImage("a.png", 64, 64, objects=boxes), classes).objects:
    ...     print(repr(box.label), box.difficult)
    'spiral' False
    '' True
    """
    names = classes.names

    def converted(box: ObjectBox) -> ObjectBox:
        name = names.get(box.label, box.label)
        if name is None:
            return replace(box, label=ANY_CLASS, difficult=True)
        return box if name == box.label else replace(box, label=name)

    return replace(image, objects=tuple(map(converted, image.objects)))
