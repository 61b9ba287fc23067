"""Training tiles: regions of annotated images, cut, resampled and rotated with their boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import area, clip, longer_sides

__all__ = [
    "NO_CLASS",
    "TrainingImage",
    "TrainingTile",
    "assemble",
    "mirror_image",
    "transpose_image",
    "turn",
    "view",
]

NO_CLASS = -1
"""Class id of a difficult object that is of no class of the detector."""

# Visible fraction of an object at a tile edge from which its visible part is a target: for all
# objects, and for large ones.  Galaxies at an image edge have this appearance; at inner edges the
# detection drops such boxes anyway.
_NEARLY_WHOLE = 0.75
_VISIBLE = 0.25
# Size in pixels of the tile below which objects cannot be distinguished from stars.
_SMALLEST_LEARNT = 12.0


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """Annotated image of a detector's training.

    Attributes
    ----------
    name : str
        File name, which identifies the image in the record of the split.
    rgb : ndarray of uint8, shape (H, W, 3)
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax``: pixel edges, 0-based, half-open.
    class_ids : ndarray of int64, shape (N,)
        `NO_CLASS` for objects of classes that are left out, which are difficult.
    difficult : ndarray of bool, shape (N,)
        Ambiguous objects, ignored in training and evaluation.
    smallest : float
        Size in pixels below which objects were not annotated.
    sha256 : str
        Checksum of the file; empty for images that are not from a file.
    """

    name: str
    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    smallest: float
    sha256: str = ""


@dataclass(frozen=True, eq=False)
class TrainingTile:
    """Training tile and its targets.

    Boxes are ``xmin, ymin, xmax, ymax`` in pixels of the tile (edges, 0-based, half-open).

    Attributes
    ----------
    image : ndarray of uint8, shape (S, S, 3)
    boxes, class_ids : ndarray, shapes (N, 4) and (N,)
        Objects to be detected.
    ignored : ndarray, shape (M, 4)
        Difficult objects.
    cut : ndarray, shape (K, 4)
        Visible parts of objects cut too much to be targets.
    smallest : float
        Size in pixels below which objects were not annotated.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    ignored: NDArray[np.float64]
    cut: NDArray[np.float64]
    smallest: float


def mirror_image(image: TrainingImage) -> TrainingImage:
    """Mirror an image left to right, without copying its pixels.

    Parameters
    ----------
    image : TrainingImage
    """
    width = image.rgb.shape[1]
    xmin, ymin, xmax, ymax = image.boxes.T
    boxes = np.stack([width - xmax, ymin, width - xmin, ymax], axis=1)
    return replace(image, rgb=image.rgb[:, ::-1], boxes=boxes)


def transpose_image(image: TrainingImage) -> TrainingImage:
    """Exchange the rows and columns of an image, without copying its pixels.

    Parameters
    ----------
    image : TrainingImage
    """
    return replace(image, rgb=image.rgb.transpose(1, 0, 2), boxes=image.boxes[:, [1, 0, 3, 2]])


def view(
    source: TrainingImage, corner: tuple[int, int], side: tuple[int, int], size: tuple[int, int]
) -> TrainingTile:
    """Cut a rectangle out of an image and resample it to a tile.

    Parameters
    ----------
    source : TrainingImage
    corner : (int, int)
        x and y of the rectangle's upper left corner.  Outside the image, the tile is filled with
        the median colour, as at inference.
    side : (int, int)
        Width and height of the rectangle, in pixels of the image.
    size : (int, int)
        Width and height of the tile, in pixels.
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
        image=np.asarray(image, np.uint8),
        boxes=visible[kept],
        class_ids=source.class_ids[kept],
        ignored=visible[seen & undecided],
        cut=visible[seen & ~undecided & ~kept],
        smallest=source.smallest * float(scale.max()),
    )


def assemble(parts: list[TrainingTile], corners: list[tuple[int, int]], size: int) -> TrainingTile:
    """Assemble tiles into a larger one.

    Parameters
    ----------
    parts : list of TrainingTile
    corners : list of (int, int)
        x and y of the upper left corner of each part.
    size : int
        Side of the tile, in pixels.
    """
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
    """Rotate a tile counter-clockwise by quarter turns, then mirror it left to right.

    Parameters
    ----------
    tile : TrainingTile
    quarters : int
        Number of quarter turns.
    mirror : bool
    """
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
