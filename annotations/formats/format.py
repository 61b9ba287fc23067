"""What every annotation format offers: recognise, read, write, and what it can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import InputError
from ..annotation import AnnotatedImage
from ..collection import Collection
from ..images import ImageFolder

__all__ = ["AnnotationFormat", "Feature", "ReadOptions", "WriteOptions"]

Feature = Literal["empty", "size", "difficult", "truncated", "pose", "attributes"]
"""What not every format can hold: images without objects, the size of the image, three flags of an
object, and its other attributes."""


def _raise(error: InputError) -> None:
    raise error


@dataclass(frozen=True)
class ReadOptions:
    """What a reader is told beside the path.

    Attributes
    ----------
    images : ImageFolder or None
        Where the images lie; sizes that the annotations leave out come from there.
    class_names : sequence of str or None
        The classes in order of their ids, for formats that hold numbers alone.
    on_error : callable
        Called with the InputError of each file or entry that is left out; raises by default.
    settings : mapping
        What the user set for one format alone, under names that the format documents.
    """

    images: ImageFolder | None = None
    class_names: Sequence[str] | None = None
    on_error: Callable[[InputError], None] = _raise
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WriteOptions:
    """What a writer is told beside the annotations.

    Attributes
    ----------
    class_names : sequence of str
        The classes in order; the first has the format's lowest id.
    images : ImageFolder or None
        Where the images lie, for formats that contain them or need their size.
    settings : mapping
        What the user set for one format alone, under names that the format documents.
    """

    class_names: Sequence[str]
    images: ImageFolder | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationFormat:
    """One annotation format.

    Attributes
    ----------
    name : str
        As the command line knows it.
    title : str
        As people know it.
    supports : frozenset of Feature
        What is kept when it is written and read again.
    recognises : callable
        Whether a path (file or folder) looks like this format; opens as little as it can and never
        raises.
    read : callable
        Yields ``(file, image)`` in a stable order: the annotation file and what it says of one
        image.  Boxes come as they stand, also inverted ones; syntax that cannot be understood goes
        to ``ReadOptions.on_error``.
    read_classes : callable or None
        The class list that the annotations declare, in order of the ids, or None where they declare
        none.
    write : callable or None
        Writes a collection to a path; None for formats that are only read.
    suffix : str
        Of the file that is written; empty where it is a folder.
    """

    name: str
    title: str
    supports: frozenset[Feature]
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterator[tuple[Path, AnnotatedImage]]]
    read_classes: Callable[[Path], tuple[str, ...] | None] | None = None
    write: Callable[[Path, Collection, WriteOptions], None] | None = None
    suffix: str = ""
