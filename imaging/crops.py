"""Cut square crops of galaxies out of a field."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .boxes import overlap

__all__ = [
    "SKY_QUANTILE",
    "crop_window",
    "cut_crop",
    "pixel_square",
    "remove_sky",
    "sky_colour",
    "window",
]

_SAMPLE = 40_000  # pixels for a median

# Quantile of the pixels of a crop used as its sky: at least a fifth of the square is free of the
# galaxy.  Values from 0.1 to 0.3 make no difference.
SKY_QUANTILE = 0.2


def crop_window(box: ArrayLike, margin: float) -> tuple[float, float, float]:
    """Return the square that is cropped around a box.

    Parameters
    ----------
    box : array_like, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    margin : float
        Side of the square relative to the longer side of the box.

    Returns
    -------
    xmin, ymin, side : float
        Pixels of the field; the square may extend beyond it.

    Examples
    --------
    >>> crop_window([10, 20, 30, 60], margin=1.5)
    (-10.0, 10.0, 60.0)
    """
    xmin, ymin, xmax, ymax = (float(edge) for edge in np.asarray(box, dtype=np.float64))
    side = margin * max(xmax - xmin, ymax - ymin)
    return (xmin + xmax - side) / 2, (ymin + ymax - side) / 2, side


def pixel_square(box: ArrayLike, margin: float) -> tuple[int, int, int]:
    """Return the whole pixels of the square that is cropped around a box.

    Parameters
    ----------
    box : array_like, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    margin : float
        Side of the square relative to the longer side of the box.

    Returns
    -------
    x, y : int
        Column and row of the first pixel; may be outside the field.
    side : int
        Side of the square, pixels.

    Examples
    --------
    >>> pixel_square([10, 20, 30, 60.2], margin=1.5)
    (-10, 10, 60)
    """
    left, top, length = crop_window(box, margin)
    side = max(1, round(length))
    return round(left + (length - side) / 2), round(top + (length - side) / 2), side


def cut_crop(
    rgb: NDArray[np.uint8], box: ArrayLike, margin: float, size: int | None = None
) -> NDArray[np.uint8]:
    """Cut the square around a box.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The field.
    box : array_like, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    margin : float
        Side of the square relative to the longer side of the box.
    size : int, optional
        Side of the result, pixels; by default that of the square in the field.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        Filled with the colour of the surrounding sky beyond the edges of the field.

    Raises
    ------
    ValueError
        If the box is outside the field.
    """
    x, y, side = pixel_square(box, margin)
    height, width = rgb.shape[:2]
    inside = rgb[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)]
    if not inside.size:
        raise ValueError(f"the box {np.asarray(box).tolist()} lies beyond {width} x {height}")
    extends = x < 0 or y < 0 or x + side > width or y + side > height
    crop = window(rgb, x, y, side, side, _border_colour(inside)) if extends else inside
    if size is None or size == side:
        return crop.copy()
    shrinks = size < side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (size, size), interpolation=interpolation), np.uint8)


def window(
    rgb: NDArray[np.uint8], x: int, y: int, width: int, height: int, fill: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return a rectangle of an image.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    x, y : int
        Column and row of the first pixel; may be outside the image.
    width, height : int
        Size of the rectangle, pixels.
    fill : ndarray of uint8, shape (3,)
        Colour of pixels outside the image.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        A view if the rectangle is inside the image.
    """
    in_image, in_window = overlap((x, y, x + width, y + height), rgb.shape)
    inside = rgb[in_image]
    if inside.shape[:2] == (height, width):
        return inside
    if not inside.size:
        return np.broadcast_to(fill, (height, width, rgb.shape[2])).copy()
    rows, columns = in_window
    margins = rows.start, height - rows.stop, columns.start, width - columns.stop
    colour = fill.tolist()
    filled = cv2.copyMakeBorder(inside, *margins, cv2.BORDER_CONSTANT, value=colour)
    # OpenCV drops the axis of a single channel.
    return np.asarray(filled, np.uint8).reshape(height, width, -1)


def sky_colour(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the median colour of an image.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    ndarray of uint8, shape (3,)
    """
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE)))
    sample = rgb[::step, ::step].reshape(-1, rgb.shape[2])
    return np.asarray(np.median(sample, axis=0), np.uint8)


def _border_colour(piece: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the median colour along the edges of a crop, away from the galaxy."""
    edges = np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]])
    return np.asarray(np.median(edges, axis=0), np.uint8)


def remove_sky(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Subtract the sky from crops.

    Parameters
    ----------
    crops : ndarray of uint8, shape (N, H, W, 3)
        Crops of one galaxy each.

    Returns
    -------
    ndarray of uint8, shape (N, H, W, 3)
        Crops minus the 20 % quantile of each colour, clipped at 0.
    """
    if not len(crops):
        return crops
    sky = np.quantile(crops, SKY_QUANTILE, axis=(1, 2), keepdims=True)
    return np.rint(np.maximum(crops - sky, 0)).astype(np.uint8)
