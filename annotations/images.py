"""The folder of images that annotations belong to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..files.file_types import jpeg_is_whole, kind_of, picture_size, png_is_whole
from ..imaging import read_field, read_picture_size
from .image_lookup import IMAGE_SUFFIXES, find_image

__all__ = ["ImageFiles", "ImageFolder", "images_beside"]

_FOLDERS = ("images", "JPEGImages")
_WHOLE = {"jpeg": jpeg_is_whole, "png": png_is_whole}


class ImageFolder:
    """Images by the names that annotations give them.

    Parameters
    ----------
    folder : path
        Nothing outside it is ever opened.

    Raises
    ------
    InputError
        If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} is not a folder of images.")

    def find(self, name: str) -> Path | None:
        """Return the image called `name`, with or without its extension; None if there is none.

        Raises
        ------
        InputError
            If the name leads out of the folder.
        """
        return find_image(self.folder, name)

    def size(self, path: Path) -> tuple[int, int]:
        """Return width and height of an image; of a picture no more than its head is read.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        return read_picture_size(path) or read_field(path).pixels.shape[1::-1]

    def sound_size(self, path: Path) -> tuple[int, int]:
        """Return width and height of an image that is there to its last byte.

        A JPEG or PNG is read and searched for its end, but not decoded.

        Raises
        ------
        InputError
            If it cannot be read or breaks off.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
        kind = kind_of(data[:64])
        if kind not in _WHOLE:
            return self.size(path)
        size = picture_size(data, kind)
        if size is None or not _WHOLE[kind](data):
            raise InputError(f"{path} is damaged or breaks off. Copy or download it again.")
        return size


class ImageFiles(ImageFolder):
    """Images that lie anywhere, by the names that their annotations have.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each name.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        folders = [path.absolute().parent for path in files.values()]
        self.folder = Path(os.path.commonpath(folders)) if folders else Path()

    def find(self, name: str) -> Path | None:
        """Return the file of the image called `name`; None if there is none."""
        return self.files.get(name)


def images_beside(annotations: Path) -> ImageFolder | None:
    """Return the folder where the images of annotations usually lie, None if there is none.

    Looked for are ``images`` and ``JPEGImages`` in the folder of the annotations and beside it, and
    images in that folder itself.

    Parameters
    ----------
    annotations : Path
        File or folder of annotations.
    """
    folder = annotations if annotations.is_dir() else annotations.parent
    for place in (folder / name for folder in (folder, folder.parent) for name in _FOLDERS):
        if place.is_dir():
            return ImageFolder(place)
    holds_images = any(path.name.lower().endswith(IMAGE_SUFFIXES) for path in folder.iterdir())
    return ImageFolder(folder) if holds_images else None
