"""The crop of a galaxy, about its box or about what stands out at the centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..datasets.image_reader import PictureReader
from ..imaging import cut_crop
from .locate import centremost
from .predict import CROP_MARGIN, central_crop

__all__ = ["annotated_box", "galaxy_crop", "read_crops"]


def annotated_box(
    annotated: AnnotatedImage | None, rgb: NDArray[np.uint8]
) -> NDArray[np.float64] | None:
    """Return the annotated box at the centre of a picture, without regard to difficult ones.

    None where no box holds the centre, or nothing is annotated.
    """
    if annotated is None:
        return None
    return centremost(annotated.boxes[~annotated.difficult], rgb.shape[1], rgb.shape[0])


def galaxy_crop(
    rgb: NDArray[np.uint8],
    box: NDArray[np.float64] | None,
    size: int,
    margin: float = CROP_MARGIN,
) -> NDArray[np.uint8]:
    """Return the crop about a box as ``galpipe run`` takes it, uint8 (size, size, 3).

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The picture.
    box : ndarray of float64, shape (4,), or None
        xmin, ymin, xmax, ymax in pixel edges; without it the crop is the one that ``galpipe
        classify`` takes, about the centre.
    size : int
        Side of the result in pixels.
    margin : float
        Side of the crop over the longer side of the box.
    """
    return central_crop(rgb, size, margin) if box is None else cut_crop(rgb, box, margin, size)


def read_crops(
    paths: Sequence[Path],
    size: int,
    margin: float,
    annotated: Mapping[Path, AnnotatedImage],
) -> NDArray[np.uint8]:
    """Read images and crop the galaxy from each, uint8 (N, size, size, 3).

    The crop lies about the annotated box at the centre; where there is none, it is the one that
    ``galpipe classify`` takes.
    """
    crops = np.empty((len(paths), size, size, 3), np.uint8)
    with PictureReader() as read:
        for crop, path in zip(crops, paths, strict=True):
            rgb = read(path)
            crop[:] = galaxy_crop(rgb, annotated_box(annotated.get(path), rgb), size, margin)
    return crops
