"""Views of an annotated image: cut, resampled, turned, with the boxes that go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import area, clip, longer_sides

__all__ = ["TrainingImage", "TrainingTile", "assemble", "turn", "view"]

# An object that a tile's edge cuts is still learnt, as its visible part: nearly whole, or as a part
# that is large enough to be one of the galaxies that the edge of a picture cuts.  On a field the
# search drops boxes at inner edges, so nothing is lost where the tile could have shown more.
_NEARLY_WHOLE = 0.75
_VISIBLE = 0.25
# Pixels of the tile under which an object is too small to tell from a star.
_SMALLEST_LEARNT = 12.0


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """An image with the boxes of its objects.

    Attributes
    ----------
    name : str
        File name, by which splits are recorded.
    rgb : ndarray of uint8, shape (H, W, 3)
    boxes : ndarray, shape (N, 4)
        0-based half-open pixel edges ``xmin, ymin, xmax, ymax``.
    class_ids : ndarray of int64, shape (N,)
    difficult : ndarray of bool, shape (N,)
        Undecided objects, which neither train nor count.
    smallest : float
        Objects smaller than this many pixels were not annotated.
    """

    name: str
    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    smallest: float


@dataclass(frozen=True, eq=False)
class TrainingTile:
    """One input of the network with what it shall answer, boxes in the tile's pixels.

    Attributes
    ----------
    image : ndarray of uint8, shape (S, S, 3)
    boxes, class_ids : ndarray, shapes (N, 4) and (N,)
        The objects to be found.
    ignored : ndarray, shape (M, 4)
        Undecided objects.
    cut : ndarray, shape (K, 4)
        Visible parts of objects of which too little is inside to be learnt.
    smallest : float
        Objects smaller than this were not annotated.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    ignored: NDArray[np.float64]
    cut: NDArray[np.float64]
    smallest: float


def view(
    source: TrainingImage, corner: tuple[int, int], side: tuple[int, int], size: tuple[int, int]
) -> TrainingTile:
    """Cut a rectangle out of an image and resample it.

    Parameters
    ----------
    source : TrainingImage
    corner : (int, int)
        x and y of the rectangle's upper left corner; it may reach outside the image, where it is
        filled with the image's median colour, as at inference.
    side : (int, int)
        Width and height of the rectangle in the image's pixels.
    size : (int, int)
        Width and height of the view.
    """
    (x, y), (across, down) = corner, side
    inside = source.rgb[max(y, 0) : max(y + down, 0), max(x, 0) : max(x + across, 0)]
    if inside.shape[:2] != (down, across):
        colour = np.median(source.rgb[::7, ::7], axis=(0, 1)).astype(np.uint8)
        canvas = np.empty((down, across, 3), dtype=np.uint8)
        canvas[:] = colour
        top, left = max(-y, 0), max(-x, 0)
        canvas[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        inside = canvas
    scale = np.array([size[0] / across, size[1] / down])
    shrinks = scale.min() < 1
    image = cv2.resize(inside, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    whole = (source.boxes - np.array([x, y, x, y])) * np.tile(scale, 2)
    visible = clip(whole, *size)
    fraction = area(visible) / np.maximum(area(whole), 1e-9)
    seen = fraction > 0
    undecided = source.difficult | (longer_sides(whole) < _SMALLEST_LEARNT)
    large = (fraction >= _VISIBLE) & (np.sqrt(area(visible)) >= _SMALLEST_LEARNT)
    kept = seen & ~undecided & ((fraction >= _NEARLY_WHOLE) | large)
    return TrainingTile(
        image=image,
        boxes=visible[kept],
        class_ids=source.class_ids[kept],
        ignored=visible[seen & undecided],
        cut=visible[seen & ~undecided & ~kept],
        smallest=source.smallest * float(scale.max()),
    )


def assemble(parts: list[TrainingTile], corners: list[tuple[int, int]], size: int) -> TrainingTile:
    """Lay views side by side into one tile."""
    image = np.zeros((size, size, 3), dtype=np.uint8)
    shifts = []
    for part, (x, y) in zip(parts, corners, strict=True):
        image[y : y + part.image.shape[0], x : x + part.image.shape[1]] = part.image
        shifts.append(np.array([x, y, x, y], dtype=np.float64))
    moved = list(zip(parts, shifts, strict=True))
    return TrainingTile(
        image=image,
        boxes=np.concatenate([part.boxes + shift for part, shift in moved]),
        class_ids=np.concatenate([part.class_ids for part in parts]),
        ignored=np.concatenate([part.ignored + shift for part, shift in moved]),
        cut=np.concatenate([part.cut + shift for part, shift in moved]),
        smallest=max(part.smallest for part in parts),
    )


def turn(tile: TrainingTile, quarters: int, mirror: bool) -> TrainingTile:
    """Turn a tile counter-clockwise by quarter turns, then mirror it left to right."""
    size = tile.image.shape[0]
    image = np.rot90(tile.image, quarters)
    if mirror:
        image = image[:, ::-1]

    def turned(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        for _ in range(quarters % 4):
            xmin, ymin, xmax, ymax = boxes.T
            boxes = np.stack([ymin, size - xmax, ymax, size - xmin], axis=1)
        if mirror:
            xmin, ymin, xmax, ymax = boxes.T
            boxes = np.stack([size - xmax, ymin, size - xmin, ymax], axis=1)
        return boxes

    return replace(
        tile,
        image=np.ascontiguousarray(image),
        boxes=turned(tile.boxes),
        ignored=turned(tile.ignored),
        cut=turned(tile.cut),
    )
