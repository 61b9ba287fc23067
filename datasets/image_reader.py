"""Open labelled images, whether they are files or lie in a data file."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..imaging import Stretch, read_field, to_rgb
from .galaxy10 import Galaxy10File

__all__ = ["PictureReader", "in_data_file"]


def in_data_file(path: Path) -> bool:
    """Return whether an image is one of a data file, as those of `read_galaxy10` are."""
    return os.path.isfile(path.parent)


class PictureReader:
    """Reads images by path as RGB; data files stay open until the ``with`` block ends.

    Images of a data file are best read in their order.

    Parameters
    ----------
    stretch : Stretch, optional
        How FITS files become RGB; without it as by default.
    """

    def __init__(self, stretch: Stretch | None = None) -> None:
        self._stretch = stretch or Stretch()
        self._files: dict[Path, Galaxy10File] = {}
        self._lock = Lock()

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """Return an image, uint8 (H, W, 3).

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if not in_data_file(path):
            return to_rgb(read_field(path), self._stretch)
        number = path.name.rpartition("-")[2]
        if not (number.isdecimal() and len(number) < 10):
            raise InputError(f"{path} is no image of {path.parent}.")
        return self._open(path.parent).image(int(number))

    def _open(self, path: Path) -> Galaxy10File:
        with self._lock:
            if path not in self._files:
                self._files[path] = Galaxy10File(path)
            return self._files[path]
