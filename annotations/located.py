"""Annotations with the files of their images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .annotation import AnnotatedImage
from .source import Source

__all__ = ["located_images"]


def located_images(source: Source) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Yield the file of each annotated image and what its annotation says.

    Parameters
    ----------
    source : Source
        The annotations.  An image that is missing, or whose name leads out of the folder of images,
        is left out and added to its failures.

    Raises
    ------
    InputError
        If the folder of images is not known, or the annotations cannot be read.
    """
    if source.images is None:
        raise InputError(f"No images lie beside {source.path}. Name their folder with --images.")
    for file, annotated in source:
        try:
            path = source.images.find(annotated.filename)
            if path is None:
                raise InputError(f"{file}: its image {annotated.filename!r} is not in the folder.")
        except InputError as error:
            source.failures.append(error)
        else:
            yield path, annotated
