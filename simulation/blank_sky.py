"""Patches of real frames without annotated objects."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, read_annotated_images
from ..errors import InputError
from ..imaging import read_field, to_rgb
from ..imaging.background import noise_level, smoothed_grey
from ..imaging.boxes import intersection
from .write_frames import AnnotatedFolder

__all__ = ["BlankSky"]

# Patches tried in each frame, and frames kept in memory.
_TRIED, _KEPT = 100, 4
# Largest excess over the sky in the middle of a patch, in units of the noise; the middle is the
# inner half of its width.
_BRIGHTEST = 8.0


class BlankSky:
    """Annotated frames from which patches of sky are cut.

    Parameters
    ----------
    frames : AnnotatedFolder
        All galaxies must be annotated; stars need not be.

    Raises
    ------
    InputError
        If an image or annotation cannot be read.
    """

    def __init__(self, frames: AnnotatedFolder) -> None:
        self._place = frames.images
        self._frames = read_annotated_images(frames.annotations, frames.images)
        self._opened = lru_cache(maxsize=_KEPT)(_read)

    def patch(self, side: int, turn: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a square patch clear of annotated boxes and of bright stars in its middle.

        Parameters
        ----------
        side : int
            Pixels of the frame.
        turn : int
            Index of the frame to try first; numbers beyond the last start again.
        rng : Generator

        Returns
        -------
        ndarray of uint8, shape (side, side, 3)
            Randomly turned and reflected.

        Raises
        ------
        InputError
            If no frame has such a patch.
        """
        for offset in range(len(self._frames)):
            path, annotated = self._frames[(turn + offset) % len(self._frames)]
            found = self._in_frame(path, annotated, side, rng)
            if found is not None:
                turned = np.rot90(found, int(rng.integers(4)))
                return np.ascontiguousarray(turned[:, ::-1] if rng.integers(2) else turned)
        raise InputError(
            f"{self._place}: no patch of {side} x {side} pixels is clear of the annotated boxes "
            "and of bright stars. Give larger or emptier frames."
        )

    def _in_frame(
        self, path: Path, annotated: AnnotatedImage, side: int, rng: np.random.Generator
    ) -> NDArray[np.uint8] | None:
        rgb, excess = self._opened(path)
        height, width = excess.shape
        if min(height, width) < side:
            return None
        quarter = side // 4
        for _ in range(_TRIED):
            x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
            if intersection([(x, y, x + side, y + side)], annotated.boxes).any():
                continue
            middle = excess[y + quarter : y + side - quarter, x + quarter : x + side - quarter]
            if middle.max(initial=0) < _BRIGHTEST:
                return rgb[y : y + side, x : x + side]
        return None


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a frame, and its grey excess over the sky in units of the noise."""
    rgb = to_rgb(read_field(path))
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    return rgb, (grey - np.float32(sky)) / np.float32(max(noise, 1e-3))
