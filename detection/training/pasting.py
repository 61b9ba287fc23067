"""Cut objects out of annotated training images and paste them into tiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import iou
from ...imaging.background import extent, isophote, noise_level, smoothed_grey
from ...simulation.galaxy_light import (
    BOX_LEVEL,
    box_mask,
    isophote_of_box,
    rescale_light,
)
from .training_tiles import TrainingImage, TrainingTile

__all__ = ["Donor", "cut_donors", "paste"]

# Level above the noise to which light is cut out; the isophote of the box is at `BOX_LEVEL`.
_OUTSKIRTS_LEVEL = 2.5
# Smallest IoU of the annotated box and the box of the isophote; it is lower for blended objects.
_MIN_IOU = 0.5
# Smaller pasted objects cannot be distinguished from stars, and are ignored in training.
_SMALLEST_PASTED = 16.0
_ATTEMPTS = 3


@dataclass(frozen=True, eq=False)
class Donor:
    """Light of one object, without sky and neighbours.

    Attributes
    ----------
    light : ndarray of float32, shape (h, w, 3)
        In 8-bit levels above the sky, tapered to zero in the outskirts.
    side : float
        Longer side of the box, in pixels.
    class_id : int
    native : bool
        True if it is from a survey frame, at the scale used for detection.
    """

    light: NDArray[np.float32]
    side: float
    class_id: int
    native: bool


def cut_donors(images: list[TrainingImage], native: bool) -> list[Donor]:
    """Cut out the isolated objects that are not at an image edge.

    Parameters
    ----------
    images : list of TrainingImage
        Images of the training part only.
    native : bool
        True for survey frames.
    """
    donors = []
    for image in images:
        if image.difficult.all():
            continue
        grey = smoothed_grey(image.rgb)
        sky, noise = noise_level(grey)
        colour = np.median(image.rgb[::3, ::3], axis=(0, 1)).astype(np.float32)
        for box, class_id in zip(
            image.boxes[~image.difficult], image.class_ids[~image.difficult], strict=True
        ):
            light = _cut(image, grey - sky, noise, colour, box)
            if light is not None:
                side = float((box[2:] - box[:2]).max())
                donors.append(Donor(light, side, int(class_id), native))
    return donors


def _cut(
    image: TrainingImage,
    grey: NDArray[np.float32],
    noise: float,
    colour: NDArray[np.float32],
    box: NDArray[np.float64],
) -> NDArray[np.float32] | None:
    height, width = grey.shape
    margin = 0.25 * (box[2:] - box[:2]).max()
    x0, y0 = np.floor(box[:2] - margin).astype(int)
    x1, y1 = np.ceil(box[2:] + margin).astype(int)
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        return None
    window, edges = grey[y0:y1, x0:x1], box - np.array([x0, y0, x0, y0])
    inside = np.where(box_mask(window.shape, edges), window, np.float32(0))
    if isophote_of_box(inside, edges, BOX_LEVEL * noise, _MIN_IOU) is None:
        return None
    outskirts = isophote(inside, _OUTSKIRTS_LEVEL * noise).astype(np.float32)
    reach = max(1.0, 0.03 * float((box[2:] - box[:2]).max()))
    soft = cv2.GaussianBlur(cv2.dilate(outskirts, np.ones((3, 3))), (0, 0), reach)
    light = image.rgb[y0:y1, x0:x1].astype(np.float32) - colour
    return light * soft[:, :, np.newaxis]


def paste(
    tile: TrainingTile,
    donor: Donor,
    scale: float,
    blur: float,
    gain: float,
    rng: np.random.Generator,
) -> TrainingTile:
    """Add the light of an object to a tile at a free position.

    Parameters
    ----------
    tile : TrainingTile
    donor : Donor
    scale : float
        Pixels of the tile per pixel of the donor.
    blur : float
        Standard deviation of the Gaussian seeing, in pixels of the tile.
    gain : float
        Brightness factor.
    rng : Generator

    Returns
    -------
    TrainingTile
        With the object and the box of its isophote; unchanged if there is no free position or the
        object is too faint.
    """
    size = tile.image.shape[0]
    light = np.rot90(donor.light, int(rng.integers(4))) * np.float32(gain)
    light = rescale_light(light, scale, blur, border=int(np.ceil(3 * blur)))
    height, width = light.shape[:2]
    if height >= size or width >= size:
        return tile
    grey = smoothed_grey(tile.image)
    _, noise = noise_level(grey)
    own = np.array(extent(isophote(smoothed_grey(light), BOX_LEVEL * noise)))
    if (own[2:] - own[:2]).max() < _SMALLEST_PASTED / 2:
        return tile
    for _ in range(_ATTEMPTS):
        x, y = int(rng.integers(size - width)), int(rng.integers(size - height))
        box = own + np.array([x, y, x, y])
        if iou([box], np.concatenate([tile.boxes, tile.cut])).max(initial=0.0) < 0.05:
            break
    else:
        return tile
    image = tile.image.copy()
    window = image[y : y + height, x : x + width]
    window[:] = np.clip(window + light, 0, 255).astype(np.uint8)
    if (box[2:] - box[:2]).max() < _SMALLEST_PASTED:
        return replace(tile, image=image, ignored=np.vstack([tile.ignored, box]))
    return replace(
        tile,
        image=image,
        boxes=np.vstack([tile.boxes, box]),
        class_ids=np.append(tile.class_ids, donor.class_id),
    )
