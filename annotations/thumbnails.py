"""Small pictures of annotated images for people, the top of the picture first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import clip, read_field, to_display, to_rgb
from .annotation import AnnotatedImage

__all__ = ["Thumbnail", "thumbnail"]


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture with the boxes on it.

    Attributes
    ----------
    name : str
        Of the image.
    rgb : ndarray of uint8, shape (H, W, 3)
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of `rgb`, cut at its edges, never inverted.
    sides : ndarray, shape (N, 2)
        Width and height of the boxes in pixels of the image, as annotated.
    labels : tuple of str
    difficult : ndarray of bool, shape (N,)
    """

    name: str
    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    sides: NDArray[np.float64]
    labels: tuple[str, ...]
    difficult: NDArray[np.bool_]


def thumbnail(path: Path, annotated: AnnotatedImage, side: int) -> Thumbnail:
    """Read an image and fit it into a square.

    Parameters
    ----------
    path : Path
        The image; FITS fields are stretched and shown with row 0 at the bottom.
    annotated : AnnotatedImage
        Its boxes.
    side : int
        Longer side of the picture in pixels.

    Raises
    ------
    InputError
        If the image cannot be read.
    """
    field = read_field(path)
    rgb = to_display(to_rgb(field), field.origin)
    boxes = annotated.boxes
    sides = boxes[:, 2:] - boxes[:, :2]
    if field.origin == "lower":
        boxes = boxes[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, field.height, 0, field.height]
    scale = side / max(field.width, field.height)
    width, height = (max(1, round(length * scale)) for length in (field.width, field.height))
    corners = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    return Thumbnail(
        name=annotated.filename,
        rgb=cv2.resize(
            rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        ),
        boxes=clip(corners * scale, width, height),
        sides=sides,
        labels=annotated.labels,
        difficult=annotated.difficult,
    )
