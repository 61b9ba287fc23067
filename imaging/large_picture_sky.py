"""The sky of a finished picture of which windows are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .large_field import LargeField, outline
from .large_sky import measure_background
from .local_background import Background
from .picture_sky import darkest_level
from .stretch import Stretch, to_rgb

__all__ = ["PictureSky", "measure_picture_sky"]

_REDUCTION = 2  # as for pictures in memory


@dataclass(frozen=True, eq=False)
class PictureSky:
    """Uneven light of a finished picture.

    Attributes
    ----------
    background : Background
        Sky of each colour, in a picture of half the width and height.
    dark : ndarray of float32, shape (3,)
        Level to which it is brought.
    """

    background: Background
    dark: NDArray[np.float32]

    def subtracted(self, rgb: NDArray[np.uint8], rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Return a window of the picture with an even, dark sky.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (h, w, 3)
            The window.
        rows, columns : slice
            Its place in the picture.
        """
        part, start, size = [], [], []
        for place, length in zip((rows, columns), self.background.shape, strict=True):
            first = min(place.start // _REDUCTION, length - 1)
            last = min(-(-place.stop // _REDUCTION), length)
            part.append(slice(first, max(last, first + 1)))
            start.append(place.start - first * _REDUCTION)
            size.append(_REDUCTION * (part[-1].stop - first))
        window = self.background.window(part[0], part[1])
        levels = np.dstack([window.level(colour) for colour in range(3)]) - self.dark
        sky = np.asarray(cv2.resize(levels, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))
        height, width = rgb.shape[:2]
        sky = sky[start[0] : start[0] + height, start[1] : start[1] + width]
        # A side of an odd length has a pixel more.
        missing = (0, height - sky.shape[0]), (0, width - sky.shape[1]), (0, 0)
        sky = np.pad(sky, missing, mode="edge")
        return np.asarray(np.clip(np.rint(rgb - sky), 0, 255), np.uint8)


def measure_picture_sky(large: LargeField) -> PictureSky | None:
    """Measure the uneven light of a finished picture, as `even_sky` does.

    Parameters
    ----------
    large : LargeField
        The picture.

    Returns
    -------
    PictureSky or None
        None if its sky is even and dark.
    """
    height, width = (side // _REDUCTION for side in large.outline.bad.shape)

    def read(rows: slice, columns: slice) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
        window = (
            slice(part.start * _REDUCTION, part.stop * _REDUCTION) for part in (rows, columns)
        )
        rgb = to_rgb(large.window(*window), Stretch(kind="identity"))
        size = columns.stop - columns.start, rows.stop - rows.start
        reduced = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        return np.asarray(reduced, np.float32), {}

    pixels, bad = outline(height, width, 3, np.float32)
    field = replace(large.outline, pixels=pixels, bad=bad, bands=())
    background = measure_background(LargeField(field, read))
    levels = [meshes[0].levels[1:-1, 1:-1] for meshes in background.meshes]
    if len({level.shape for level in levels}) > 1:
        # Waves of one colour have smaller cells.
        largest = max(level.shape for level in levels)
        levels = [
            np.asarray(cv2.resize(level, largest[::-1], interpolation=cv2.INTER_LINEAR))
            for level in levels
        ]
    dark = darkest_level(np.dstack(levels))
    return None if dark is None else PictureSky(background, dark)
