"""Read labelled images from image files, ZIP archives and Galaxy10 data files."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..imaging import Stretch, read_field, to_rgb
from .galaxy10 import Galaxy10File
from .image_archive import ImageArchive, is_archive

__all__ = ["ImageReader", "find_in_data_file", "in_data_file", "is_data_file"]

_HDF5_SUFFIXES = (".h5", ".hdf5")


def in_data_file(path: Path) -> bool:
    """Return whether a path refers to an image in a data file or archive; see `read_galaxy10`.

    Parameters
    ----------
    path : Path
        Path of the image, such as ``Galaxy10.h5/Galaxy10-00017`` or ``images.zip/100008.jpg``.
    """
    return os.path.isfile(path.parent)


def is_data_file(path: Path) -> bool:
    """Return whether a file is a data file of images or a ZIP archive.

    Parameters
    ----------
    path : Path
        An input of a command.
    """
    return path.is_file() and (path.suffix.lower() in _HDF5_SUFFIXES or is_archive(path))


def find_in_data_file(path: Path) -> list[Path]:
    """Return the paths of the images in a data file or archive, in its order.

    Parameters
    ----------
    path : Path
        A file of Galaxy10, or a ZIP archive.

    Raises
    ------
    InputError
        If the file is damaged, has another layout or holds no image.
    """
    with ImageArchive(path) if is_archive(path) else Galaxy10File(path) as file:
        paths = file.image_paths
    if not paths:
        raise InputError(f"{path} holds no image.")
    return paths


class ImageReader:
    """Read images by path as RGB; data files stay open until the ``with`` block ends.

    Images of a data file are read fastest in their order.

    Parameters
    ----------
    stretch : Stretch, optional
        Stretch of FITS files to RGB; the default one if omitted.
    """

    def __init__(self, stretch: Stretch | None = None) -> None:
        self._stretch = stretch or Stretch()
        self._files: dict[Path, Galaxy10File | ImageArchive] = {}
        self._lock = Lock()

    def __enter__(self) -> ImageReader:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """Return an image, uint8 (H, W, 3).

        Parameters
        ----------
        path : Path
            Path of an image file, or of an image in a data file or archive.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        return self.with_notes(path)[0]

    def with_notes(self, path: str | Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """Return an image and the notes on its reading.

        Parameters
        ----------
        path : str or Path
            An image as in `galpipe.read_field`, or in a data file or archive.

        Returns
        -------
        image : ndarray of uint8, shape (H, W, 3)
            The image.
        notes : tuple of str
            Sentences, such as that it has no contrast.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        place = Path(path)
        if not in_data_file(place):
            field = read_field(path)
        else:
            file = self._open(place.parent)
            if isinstance(file, Galaxy10File):
                number = place.name.rpartition("-")[2]
                if not (number.isdecimal() and len(number) < 10):
                    raise InputError(f"{path} is not an image of {place.parent}.")
                return file.image(int(number)), ()
            field = file.field(place.name)
        return to_rgb(field, self._stretch), field.notes

    def _open(self, path: Path) -> Galaxy10File | ImageArchive:
        with self._lock:
            if path not in self._files:
                self._files[path] = ImageArchive(path) if is_archive(path) else Galaxy10File(path)
            return self._files[path]
