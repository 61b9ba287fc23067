"""The folder of images that annotations belong to."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..imaging import read_field, read_picture_size
from .find import IMAGE_SUFFIXES, find_image

__all__ = ["ImageFolder", "images_beside"]

_FOLDERS = ("images", "JPEGImages")


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
