"""Interface of annotation formats.

To add a format, write a module in this package that defines ``FORMAT``, and list it in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import InputError
from ..annotation import AnnotatedImage
from ..collection import Collection
from ..images import ImageFolder

__all__ = ["AnnotationFormat", "Feature", "ReadOptions", "WriteOptions", "none_left"]

Feature = Literal["empty", "size", "difficult", "truncated", "pose", "attributes"]
"""Features that not every format supports: images without objects, the size of the image, three
flags of an object, and its other attributes."""


def _raise(error: InputError) -> None:
    raise error


def _ignore(note: str) -> None:
    pass


@dataclass(frozen=True)
class ReadOptions:
    """Options of a reader.

    Attributes
    ----------
    images : ImageFolder or None
        Folder of the images, for missing sizes.
    class_names : sequence of str or None
        Classes in order of their ids, for formats without class names.
    on_error : callable
        Called with the InputError of each file or entry that is left out; raises it by default.
    settings : mapping
        Settings of the format, by the names that it documents.
    on_note : callable
        Called with each decision of the reader that the user should know.
    """

    images: ImageFolder | None = None
    class_names: Sequence[str] | None = None
    on_error: Callable[[InputError], None] = _raise
    settings: Mapping[str, Any] = field(default_factory=dict)
    on_note: Callable[[str], None] = _ignore


@dataclass(frozen=True)
class WriteOptions:
    """Options of a writer.

    Attributes
    ----------
    class_names : sequence of str
        Classes in order; the first has the format's lowest id.
    images : ImageFolder or None
        Folder of the images, for formats that contain them or need their size.
    settings : mapping
        Settings of the format, by the names that it documents.
    """

    class_names: Sequence[str]
    images: ImageFolder | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationFormat:
    """An annotation format.

    Attributes
    ----------
    name : str
        Name on the command line.
    title : str
        Full name for messages and documentation.
    supports : frozenset of Feature
        Features that survive writing and reading.
    recognises : callable
        Returns whether a path (file or folder) looks like this format; reads as little as possible
        and never raises.
    read : callable
        Yields ``(file, image)`` in a stable order: annotation file and annotated image.  Boxes are
        pixel edges, 0-based, half-open, and may be inverted; errors in single files or entries are
        passed to ``ReadOptions.on_error``.
    read_classes : callable or None
        Returns the class list that the annotations declare, in order of the ids, or None.
    write : callable or None
        Writes a collection to a path; None for read-only formats.
    takes_columns : callable or None
        Returns whether a table can be read with columns that the user names: a mapping from their
        roles; never raises.
    suffix : str
        Suffix of the file that is written; empty for a folder.
    refuses_empty_boxes : bool
        Programs that read the format refuse a whole file for an empty or inverted box.
    image_stems : callable or None
        Returns the path of each image of a data set that is written, without its extension, for the
        names of the images; None if the format does not include the images' files.
    """

    name: str
    title: str
    supports: frozenset[Feature]
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterator[tuple[Path, AnnotatedImage]]]
    read_classes: Callable[[Path], tuple[str, ...] | None] | None = None
    write: Callable[[Path, Collection, WriteOptions], None] | None = None
    takes_columns: Callable[[Path, Mapping[str, str]], bool] | None = None
    suffix: str = ""
    refuses_empty_boxes: bool = False
    image_stems: Callable[[Path, Sequence[str]], list[Path]] | None = None


def none_left(file: Path, name: str, count: int) -> InputError:
    """Return the error of an image whose objects were all refused.

    Such an image is left out: without its objects it would count as an image of empty sky.

    Parameters
    ----------
    file : Path
        The annotation file.
    name : str
        The image.
    count : int
        Number of its objects.
    """
    objects = "its only object" if count == 1 else f"all its {count} objects"
    return InputError(f"{file}: the image {name} is left out, as {objects} cannot be read.")
