"""Light profile inside a box, to distinguish galaxies from stars, pairs and parts of galaxies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging.background import sky_level
from .whole_picture import WholePicture

__all__ = ["LIGHT_FEATURES", "measure_light_profile"]

LIGHT_FEATURES = 14
"""Number of features per box."""

_SIDE = 24
# Standard deviation of the smoothing before a box is sampled, in samples.
_ANTIALIASING = 0.4
_LEVELS = (0.75, 0.5, 0.25)
_RINGS = 4
_ELONGATION_LEVELS = (1 / 3, 0.6)
# Variance added for the pixel size, so that a single pixel is round.
_PIXEL = 0.2
_PEAK = np.ones((5, 5), dtype=np.uint8)
_FAINTEST_SECOND = 0.05

_OFFSETS = np.arange(_SIDE) - (_SIDE - 1) / 2
_RING = (np.hypot(_OFFSETS[:, np.newaxis], _OFFSETS) * (2 * _RINGS / _SIDE)).astype(int)


def measure_light_profile(
    grey: NDArray[np.float32], boxes: NDArray[np.float64], whole: WholePicture | None = None
) -> NDArray[np.float64]:
    """Measure the light profile inside each box.

    Stars have the shape of the point spread function, so that the size of the box and the steepness
    of the profile follow from the peak; galaxies deviate from this relation.  Two objects in one
    box have two peaks with a gap between them.  The features are nearly invariant under rotations
    and reflections of the image.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From :func:`~galpipe.imaging.background.smoothed_grey`.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open; inside the image and not empty.
    whole : WholePicture, optional
        The picture, if the image is a window of it.

    Returns
    -------
    ndarray of float64, shape (N, LIGHT_FEATURES)
        Logarithms of the size (square root of the area, pixels) and of the peak above the sky
        (grey levels); fractions of the box brighter than 3/4, 1/2 and 1/4 of the peak; mean
        brightness, relative to the peak, in four elliptical rings from the centre outwards;
        elongation (logarithm of the axis ratio, from second moments) of the pixels brighter than
        1/3 and 3/5 of the peak; steepest gradient per side of the box; height of the second peak,
        and of the lowest point on the line to it relative to that peak.
    """
    if not len(boxes):
        return np.zeros((0, LIGHT_FEATURES))
    if whole is None:
        sky, factor = sky_level(grey), 1.0
    else:
        sky, factor = whole.plain_sky, whole.factor
    patches = np.zeros((len(boxes), _SIDE, _SIDE))
    for patch, box in zip(patches, boxes, strict=True):
        patch[:] = _stretched(grey, box)
    patches -= sky
    peaks = np.maximum(patches.max(axis=(1, 2)), 1.0)
    shapes = np.clip(patches / peaks[:, np.newaxis, np.newaxis], -0.2, 1.0)
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.column_stack(
        [
            np.log(factor**2 * sides.prod(axis=1)) / 2,
            np.log(peaks),
            *((shapes > level).mean(axis=(1, 2)) for level in _LEVELS),
            *(shapes[:, ring == _RING].mean(axis=1) for ring in range(_RINGS)),
            *(_elongation(shapes > level, sides) for level in _ELONGATION_LEVELS),
            _steepness(shapes),
            [_second_peak(shape) for shape in shapes],
        ]
    )


def _stretched(grey: NDArray[np.float32], box: NDArray[np.float64]) -> NDArray[np.float32]:
    """Resample the light in a box to a square of fixed size."""
    scale = (box[2:] - box[:2]) / _SIDE
    smoothing = _ANTIALIASING * scale
    margin = np.ceil(3 * smoothing) + 1
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.ceil(box[2:] + margin).astype(int)
    inside = cv2.GaussianBlur(
        grey[top:bottom, left:right], (0, 0), sigmaX=smoothing[0], sigmaY=smoothing[1]
    )
    x, y = box[:2] - (left, top) + scale / 2 - 0.5
    square = cv2.warpAffine(
        inside,
        np.array([[scale[0], 0, x], [0, scale[1], y]]),
        (_SIDE, _SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(square, np.float32)


def _elongation(masks: NDArray[np.bool_], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the axis ratio of each mask, scaled to the shape of its box."""
    across, down = (sides / sides.max(axis=1, keepdims=True)).T
    count = np.maximum(masks.sum(axis=(1, 2)), 1)
    x = (masks * _OFFSETS).sum(axis=(1, 2)) / count
    y = (masks * _OFFSETS[:, np.newaxis]).sum(axis=(1, 2)) / count
    xx = (masks * _OFFSETS**2).sum(axis=(1, 2)) / count - x**2
    yy = (masks * _OFFSETS[:, np.newaxis] ** 2).sum(axis=(1, 2)) / count - y**2
    xy = (masks * np.outer(_OFFSETS, _OFFSETS)).sum(axis=(1, 2)) / count - x * y
    xx, yy, xy = xx * across**2 + _PIXEL, yy * down**2 + _PIXEL, xy * across * down
    mean, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return np.asarray(np.log((mean + spread) / (mean - spread)) / 2)


def _steepness(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    across, down = np.diff(shapes, axis=2)[:, 1:], np.diff(shapes, axis=1)[:, :, 1:]
    return np.asarray(np.percentile(np.hypot(across, down), 98, axis=(1, 2)) * _SIDE)


def _second_peak(shape: NDArray[np.float64]) -> tuple[float, float]:
    """Return the height of the second peak, and the minimum before it relative to that peak."""
    peaks = cv2.dilate(shape, _PEAK) == shape
    peaks[[0, -1]] = peaks[:, [0, -1]] = False
    # Adjacent maxima are one peak.
    _, _, _, centres = cv2.connectedComponentsWithStats(peaks.astype(np.uint8), connectivity=8)
    columns, rows = np.round(centres[1:]).astype(int).T
    if len(rows) < 2:
        return 0.0, 1.0
    heights = shape[rows, columns]
    first, second = np.argsort(-heights, kind="stable")[:2]
    steps = np.linspace(0, 1, _SIDE)
    down = np.round(rows[first] + steps * (rows[second] - rows[first])).astype(int)
    along = np.round(columns[first] + steps * (columns[second] - columns[first])).astype(int)
    gap = shape[down, along].min() / max(heights[second], _FAINTEST_SECOND)
    return float(heights[second]), float(gap)
