"""Checksums of labelled images, by which trainings and evaluations recognise them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..annotations import AnnotatedImage
from ..errors import InputError
from .image_reader import ImageReader, in_data_file

__all__ = ["describe_boxes", "image_checksums", "name_in"]


def image_checksums(paths: Iterable[Path]) -> list[str]:
    """Return the SHA-256 of each image: of the file, or of the pixels in a data file.

    Parameters
    ----------
    paths : iterable of Path
        The images, as in `ImageReader`.

    Raises
    ------
    InputError
        If an image cannot be read.
    """

    def checksum(path: Path) -> str:
        if in_data_file(path):
            return hashlib.sha256(read(path).tobytes()).hexdigest()
        try:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error

    with ImageReader() as read, ThreadPoolExecutor() as pool:
        return list(pool.map(checksum, paths))


def name_in(folder: Path, path: Path) -> str:
    """Return the path of an image relative to the folder of its source, or else its name.

    Parameters
    ----------
    folder : Path
        Folder of the images, or data file.
    path : Path
        The image.
    """
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def describe_boxes(annotated: AnnotatedImage) -> str:
    """Return the number of boxes and a checksum of their labels and edges.

    Parameters
    ----------
    annotated : AnnotatedImage
    """
    boxes = [(box.label, box.edges, box.difficult) for box in annotated.objects]
    return f"{len(boxes)} boxes {hashlib.sha256(repr(boxes).encode()).hexdigest()[:16]}"
