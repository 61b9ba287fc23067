"""Cut one galaxy out of a field."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["crop_window", "cut_crop", "remove_sky", "sky_colour", "window"]

_SAMPLE = 40_000  # pixels that are plenty for a median

# Share of the pixels of a crop that are darker than what is taken for its sky.  A galaxy leaves a
# fifth of the square about it free; from a tenth to three tenths make no difference.
_DARKER = 0.2


def crop_window(box: ArrayLike, margin: float) -> tuple[float, float, float]:
    """Return the square around a box.

    Parameters
    ----------
    box : array_like
        ``xmin, ymin, xmax, ymax`` in field pixels.
    margin : float
        Side of the square, in units of the longer side of the box.

    Returns
    -------
    xmin, ymin, side : float
        In field pixels; the square may reach beyond the field.
    """
    xmin, ymin, xmax, ymax = (float(edge) for edge in np.asarray(box, dtype=np.float64))
    side = margin * max(xmax - xmin, ymax - ymin)
    return (xmin + xmax - side) / 2, (ymin + ymax - side) / 2, side


def cut_crop(
    rgb: NDArray[np.uint8], box: ArrayLike, margin: float, size: int | None = None
) -> NDArray[np.uint8]:
    """Cut the square around a box.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3), uint8: the field.
    box : array_like
        ``xmin, ymin, xmax, ymax`` in field pixels.
    margin : float
        Side of the square, in units of the longer side of the box.
    size : int, optional
        Side in pixels of the result; by default that of the square on the field.

    Returns
    -------
    ndarray
        (size, size, 3), uint8. Beyond the edges of the field it has the colour of the sky around
        the galaxy.

    Raises
    ------
    ValueError
        If the box lies wholly beyond the field.
    """
    left, top, length = crop_window(box, margin)
    side = max(1, round(length))
    x, y = round(left + (length - side) / 2), round(top + (length - side) / 2)
    height, width = rgb.shape[:2]
    inside = rgb[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)]
    if not inside.size:
        raise ValueError(f"the box {np.asarray(box).tolist()} lies beyond {width} x {height}")
    leaves = x < 0 or y < 0 or x + side > width or y + side > height
    crop = window(rgb, x, y, side, _border_colour(inside)) if leaves else inside
    if size is None or size == side:
        return crop.copy()
    shrinks = size < side
    return cv2.resize(
        crop, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )


def window(
    rgb: NDArray[np.uint8], x: int, y: int, side: int, fill: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the square of `side` pixels whose first pixel is column `x`, row `y` of the picture.

    What lies beyond the picture has the colour `fill`. Shares memory where nothing is filled.
    """
    height, width = rgb.shape[:2]
    if x >= 0 and y >= 0 and x + side <= width and y + side <= height:
        return rgb[y : y + side, x : x + side]
    square = np.empty((side, side, rgb.shape[2]), dtype=rgb.dtype)
    square[:] = fill
    columns = slice(max(0, x), min(width, x + side))
    rows = slice(max(0, y), min(height, y + side))
    if columns.start < columns.stop and rows.start < rows.stop:
        square[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = rgb[
            rows, columns
        ]
    return square


def sky_colour(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the median colour of a picture, shape (3,), from a sample of its pixels."""
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE)))
    sample = rgb[::step, ::step].reshape(-1, rgb.shape[2])
    return np.median(sample, axis=0).astype(np.uint8)


def _border_colour(piece: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the median colour along the edges of a piece: the galaxy stands in its middle."""
    edges = np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]])
    return np.median(edges, axis=0).astype(np.uint8)


def remove_sky(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make the sky of crops black, whatever the survey shows it as.

    Parameters
    ----------
    crops : ndarray of uint8, shape (N, H, W, 3)
        Each about one galaxy.

    Returns
    -------
    ndarray of uint8, shape (N, H, W, 3)
        Each colour of each crop less the level that a fifth of its pixels do not reach.
    """
    if not len(crops):
        return crops
    sky = np.quantile(crops, _DARKER, axis=(1, 2), keepdims=True)
    return np.rint(np.maximum(crops - sky, 0)).astype(np.uint8)
