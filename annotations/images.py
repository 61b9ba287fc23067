"""The folder of images that annotations belong to."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..imaging import read_field, read_picture_size
from .find import find_image

__all__ = ["ImageFolder"]


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
