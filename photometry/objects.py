"""Find the pixels of the object in a box, and those of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging.sources import find_sources

__all__ = ["ObjectPixels", "find_object"]

# SExtractor's usual threshold, in units of the noise, smallest area and contrast of deblending.
_THRESHOLD = 1.5
_LEAST_AREA = 5
_CONTRAST = 0.005

# Larger windows are binned: deblending a galaxy of 1000 pixels takes seconds at full resolution,
# and its faint outskirts need wider pixels.
_LONGEST = 160

# An object ends at this multiple of the ellipse of its box: what is connected with it further out,
# such as the halo of a star, does not belong to it.
_LARGEST = 2.0

# Boxes whose centres are closer than this share of half a box are of one object.
_SAME = 0.3

# A piece is a star if its flux over its peak is less than this multiple of that of the PSF, and its
# peak higher than that of the galaxy.  SEP smooths with a kernel of variance 1/2 along each axis.
_STAR_AREA, _SMOOTHING = 2.0, 0.5


@dataclass(frozen=True, eq=False)
class ObjectPixels:
    """Pixels of an object and of its neighbours in a window of the field.

    Attributes
    ----------
    own : ndarray of bool, shape (h, w)
        Pixels of the object above the detection threshold.
    others : ndarray of bool, shape (h, w)
        Pixels of other objects.
    """

    own: NDArray[np.bool_]
    others: NDArray[np.bool_]


def find_object(
    image: NDArray[np.float32],
    bad: NDArray[np.bool_],
    boxes: NDArray[np.float64],
    psf_fwhm: float | None = None,
) -> ObjectPixels | None:
    """Find the object of the first box.

    SEP detects and deblends the objects of the window. The object of the box is the one that fills
    most of the middle of the box; pieces into which SEP divides a galaxy are joined again: those
    that are connected with it, lie in the ellipse of the box, closer to its centre than to that of
    another box, and are not stars. An object in the middle of several boxes is divided between
    them.

    Parameters
    ----------
    image : ndarray of float32, shape (h, w)
        Window of the field in units of the noise, above the sky.
    bad : ndarray of bool, shape (h, w)
        Bad pixels.
    boxes : ndarray of float64, shape (N, 4)
        The box of the object and those around it: pixel edges in the window.
    psf_fwhm : float, optional
        Width of the stars, pixels.

    Returns
    -------
    ObjectPixels or None
        None if there is nothing above the threshold in the middle of the box.
    """
    factor = -(-max(image.shape) // _LONGEST)
    found = _extract(*_binned(image, bad, factor))
    if found is None:
        return None
    objects, labels = found
    scaled = np.array([boxes[0], *(box for box in boxes[1:] if not _same(boxes[0], box))]) / factor
    centres = [_central_label(labels, box) for box in scaled]
    main = centres[0]
    if main == 0:
        return None
    distances = np.array([_distance(objects["x"], objects["y"], box) for box in scaled])
    nearest = np.where(distances.min(axis=0) < 1, distances.argmin(axis=0), -1)
    if nearest[main - 1] == 0:
        inside = nearest == 0
        if psf_fwhm is not None:
            variance = psf_fwhm**2 / (8 * np.log(2)) / factor**2 + _SMOOTHING
            peak = objects["cpeak"]
            star = objects["cflux"] < _STAR_AREA * 2 * np.pi * variance * peak
            inside &= ~(star & (peak > peak[main - 1]))
        inside[main - 1] = True
        own = _connected(np.isin(labels, np.flatnonzero(inside) + 1), labels == main)
        for box, label in zip(scaled[1:], centres[1:], strict=True):
            if label == main:
                own &= ~_ellipse(own.shape, box)
        own &= _ellipse(own.shape, scaled[0], _LARGEST)
    else:
        # It belongs to another box, or merges with something outside.
        own = (labels == main) & _ellipse(labels.shape, scaled[0])
    others = (labels > 0) & ~own
    return ObjectPixels(_enlarged(own, factor, image.shape), _enlarged(others, factor, image.shape))


def _extract(
    image: NDArray[np.float32], bad: NDArray[np.bool_]
) -> tuple[NDArray[np.void], NDArray[np.int32]] | None:
    try:
        objects, labels = find_sources(
            image, _THRESHOLD, bad, minarea=_LEAST_AREA, deblend_cont=_CONTRAST
        )
    except Exception:  # SEP raises Exception itself where one of its limits is exceeded
        return None
    return (objects, labels) if len(objects) else None


def _binned(
    image: NDArray[np.float32], bad: NDArray[np.bool_], factor: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the image binned by a factor, still in units of its noise."""
    if factor == 1:
        return image, bad
    height, width = (-(-length // factor) * factor for length in image.shape)
    reach = (0, height - image.shape[0], 0, width - image.shape[1])
    good = cv2.copyMakeBorder((~bad).astype(np.float32), *reach, cv2.BORDER_CONSTANT, value=0)
    light = cv2.copyMakeBorder(
        np.where(bad, np.float32(0), image), *reach, cv2.BORDER_CONSTANT, value=0
    )
    size = (width // factor, height // factor)
    share = cv2.resize(good, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    empty = share < 0.5
    # The noise of a mean of n pixels is 1 / sqrt(n).
    scaled = mean * np.float32(factor) / np.sqrt(np.maximum(share, np.float32(0.5)))
    return np.where(empty, np.float32(0), scaled), empty


def _central_label(labels: NDArray[np.int32], box: NDArray[np.float64]) -> int:
    """Return the most frequent label in the middle of a box; 0 if there is none."""
    middle = labels[_ellipse(labels.shape, box, 0.5)]
    counts = np.bincount(middle[middle > 0]) if middle.any() else np.zeros(1, int)
    return int(counts.argmax())


def _distance(
    x: NDArray[np.float64], y: NDArray[np.float64], box: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the elliptical distance from the centre of a box, 1 at the middle of its sides."""
    xmin, ymin, xmax, ymax = box
    # In SEP the centre of the first pixel is at 0.
    across = (2 * (x + 0.5) - xmin - xmax) / (xmax - xmin)
    down = (2 * (y + 0.5) - ymin - ymax) / (ymax - ymin)
    return np.asarray(np.hypot(across, down), np.float64)


def _same(box: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Return whether two boxes are of one object."""
    apart = np.abs(box[:2] + box[2:] - other[:2] - other[2:])
    return bool(np.hypot(*(apart / np.maximum(box[2:] - box[:2], other[2:] - other[:2]))) < _SAME)


def _ellipse(
    shape: tuple[int, ...], box: NDArray[np.float64], scale: float = 1.0
) -> NDArray[np.bool_]:
    """Return the mask of the ellipse in a box; it holds at least the pixel at the centre."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = _distance(x, y, box) < scale
    column, row = ((box[:2] + box[2:]) / 2).astype(int)
    if 0 <= row < shape[0] and 0 <= column < shape[1]:
        inside[row, column] = True
    return np.asarray(inside, np.bool_)


def _connected(mask: NDArray[np.bool_], seed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected regions of a mask that contain a seed."""
    _, regions = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(regions, np.unique(regions[seed & mask]))


def _enlarged(mask: NDArray[np.bool_], factor: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if factor == 1:
        return mask
    whole = mask.repeat(factor, axis=0).repeat(factor, axis=1)
    return whole[: shape[0], : shape[1]]
