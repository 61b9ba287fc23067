"""Keep one box of each galaxy: boxes that lead to the same peak of light are one object."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, area
from ..imaging.boxes import intersection

__all__ = ["drop_duplicates"]

# Fraction of the smaller box inside the other: neighbours that only touch are not compared.
_SHARED = 0.3

# Smoothing, in sides of the smaller box, so that neither the size of a galaxy nor its noise and
# spiral arms matter.  Large boxes are reduced first, until the smaller has this many samples.
_SMOOTHING = 0.1
_SAMPLES = 16

# Middle part of each box in which the ascent begins.  It is narrow for the larger box, which
# often contains the nucleus of a brighter neighbour.
_MIDDLE_OF_LARGER, _MIDDLE_OF_SMALLER = 0.25, 0.5

# Power of the score that is weighed against the side: a box of twice the side is kept if its score
# is at least 0.84 of that of the smaller one.
_POWER = 4

# Peaks this close, in sides of the smaller box, are one: the light of saturated nuclei is flat.
_SAME_PEAK = 0.2


def drop_duplicates(grey: NDArray[np.float32], found: Detections) -> Detections:
    """Keep one box of each galaxy.

    The bulge, the bar or half of a galaxy is often boxed besides the whole galaxy.  Of two boxes
    that overlap, the smoothed light is followed uphill from the middle of either.  If both ascents
    end at one peak, both boxes are of one object, and the larger is kept unless its score is
    clearly lower.  A neighbour, or a galaxy in front of a larger one, has a peak of its own.  The
    result does not depend on the scale of the picture, and hardly on its stretch, since only the
    order of brightnesses counts.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        The stretched field, from `~galpipe.imaging.background.smoothed_grey`.
    found : Detections
        Best score first.

    Returns
    -------
    Detections
        Best score first.
    """
    if len(found) < 2:
        return found
    boxes, areas = found.boxes, area(found.boxes)
    kept: list[int] = []
    # The whole is larger than its parts, but the score of a part is sometimes slightly better.
    for row in np.argsort(-(found.scores**_POWER) * np.sqrt(areas), kind="stable"):
        box = boxes[row]
        shared = intersection(box[np.newaxis], boxes[kept])[0]
        overlapping = shared > _SHARED * np.minimum(areas[row], areas[kept])
        if not any(_one_peak(grey, box, boxes[kept[n]]) for n in np.flatnonzero(overlapping)):
            kept.append(row)
    return found.select(np.sort(kept))


def _one_peak(
    grey: NDArray[np.float32], first: NDArray[np.float64], second: NDArray[np.float64]
) -> bool:
    """Return whether the ascents from the middles of two boxes end at one peak."""
    smaller, larger = sorted((first, second), key=lambda box: float(np.prod(box[2:] - box[:2])))
    side = float(np.sqrt(np.prod(smaller[2:] - smaller[:2])))
    scale = min(_SAMPLES / side, 1.0)
    left, top = np.floor(np.minimum(smaller[:2], larger[:2])).astype(int)
    right, bottom = np.ceil(np.maximum(smaller[2:], larger[2:])).astype(int)
    light = grey[top:bottom, left:right]
    if np.ptp(light) < 1:
        return False  # less than a grey level: there is no light to follow
    shape = max(round(light.shape[1] * scale), 1), max(round(light.shape[0] * scale), 1)
    reduced = cv2.resize(light, shape, interpolation=cv2.INTER_AREA)
    light = np.asarray(cv2.GaussianBlur(reduced, (0, 0), _SMOOTHING * side * scale), np.float32)
    corner = np.array([left, top, left, top])
    first_peak, second_peak = (
        _peak(light, (box - corner) * scale, middle)
        for box, middle in ((larger, _MIDDLE_OF_LARGER), (smaller, _MIDDLE_OF_SMALLER))
    )
    return math.dist(first_peak, second_peak) <= _SAME_PEAK * side * scale


def _peak(light: NDArray[np.float32], box: NDArray[np.float64], middle: float) -> tuple[int, int]:
    """Ascend from the brightest sample in the middle of a box to row and column of a peak."""
    limit = np.array(light.shape[::-1])
    centre, half = (box[:2] + box[2:]) / 2, middle * (box[2:] - box[:2]) / 2
    low = np.clip(np.round(centre - half).astype(int), 0, limit - 1)
    high = np.clip(np.round(centre + half).astype(int), low + 1, limit)
    row, column = _brightest(light[low[1] : high[1], low[0] : high[0]])
    row, column = row + int(low[1]), column + int(low[0])
    while True:
        top, left = max(row - 1, 0), max(column - 1, 0)
        up, across = _brightest(light[top : row + 2, left : column + 2])
        if light[top + up, left + across] <= light[row, column]:
            return row, column
        row, column = top + up, left + across


def _brightest(light: NDArray[np.float32]) -> tuple[int, int]:
    width = int(light.shape[1])
    return divmod(int(light.argmax()), width)
