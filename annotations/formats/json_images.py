"""The loop over the images and objects of a JSON file, whatever its layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..annotation import AnnotatedImage, ObjectBox
from .format import ReadOptions
from .locate import locate

__all__ = ["read_images"]


def read_images(
    file: Path,
    entries: Iterable[tuple[object, object]],
    parts_of: Callable[[object], tuple[str, list[Any]]],
    object_of: Callable[[object], ObjectBox],
    noun: str,
    reading: ReadOptions,
) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Yield the images of a file; what is wrong in one object or image leaves out that alone.

    Parameters
    ----------
    file : Path
        Named in messages.
    entries : iterable of (object, object)
        What a message calls the image's entry, and the entry.
    parts_of : callable
        From an entry to the image's name and the entries of its objects; raises ValueError.
    object_of : callable
        From such an entry to the object; raises ValueError.
    noun : str
        What the format calls an object.
    reading : ReadOptions
        Where the images lie, and who is told of errors.
    """
    for title, entry in entries:
        try:
            name, parts = parts_of(entry)
        except ValueError as error:
            reading.on_error(InputError(f"{file}: entry {title} {error}."))
            continue
        objects = []
        for number, part in enumerate(parts):
            try:
                objects.append(object_of(part))
            except ValueError as error:
                reading.on_error(InputError(f"{file}: {noun} {number} of {name} {error}."))
        try:
            yield file, locate(AnnotatedImage(name, 0, 0, objects=tuple(objects)), reading.images)
        except InputError as error:
            reading.on_error(error)
