"""Drop boxes on spikes of stars and on trails."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections

__all__ = ["drop_artefacts"]

_SIDE = 32  # samples along a box
_SMOOTHING = 1.6  # samples
# The light of an object ends inside of its box.  That of an artefact goes on beyond it, at the
# first fraction of its height above the light along the outline of the box, and in the opposite
# direction at the second: spikes fade away from their star.
_GOES_ON, _FADED = 0.8, 0.3
_FAINTEST = 1.0  # grey levels: height below which there is no light to follow
# A galaxy beside a brighter star is open towards it, but not this thin.
_THIN = 0.42  # axis ratio of the bright part
_HALF = 0.5  # of the height: what is brighter is the bright part
_EDGE = 5  # pixels: an outline nearer to the edge of the picture is that edge


def drop_artefacts(grey: NDArray[np.float32], found: Detections) -> Detections:
    """Drop boxes on pieces of something that goes on beyond the box.

    The spike of a star and the trail of a satellite are boxed piece by piece: the brightest light
    in the middle of the box reaches its outline, hardly fainter, and goes on at the opposite end
    too.  A galaxy has a peak of its own, or ends at the side away from the brighter neighbour that
    outshines it.  A box is dropped only if, besides, its bright part is thin.  The edge of the
    picture is no outline: it may cut a galaxy.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        The stretched field, from `~galpipe.imaging.background.smoothed_grey`.
    found : Detections
        Any order.

    Returns
    -------
    Detections
        In the same order.
    """
    if not len(found):
        return found
    return found.select(np.array([not _is_artefact(grey, box) for box in found.boxes]))


def _is_artefact(grey: NDArray[np.float32], box: NDArray[np.float64]) -> bool:
    height, width = grey.shape
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    inside = cv2.resize(grey[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    light = np.asarray(cv2.GaussianBlur(inside, (0, 0), _SMOOTHING), np.float32)
    outline = np.zeros(light.shape, dtype=bool)
    outline[:, 0], outline[:, -1] = left >= _EDGE, right <= width - _EDGE
    outline[0] |= top >= _EDGE
    outline[-1] |= bottom <= height - _EDGE
    if not outline.any():
        return False
    base = float(np.median(light[outline]))
    quarter = _SIDE // 4
    middle = light[quarter:-quarter, quarter:-quarter]
    peak = np.unravel_index(int(middle.argmax()), middle.shape)
    row, column = int(peak[0]) + quarter, int(peak[1]) + quarter
    rise = float(light[row, column]) - base
    if rise < _FAINTEST:
        return False
    if not (_region(light, base + _GOES_ON * rise, row, column) & outline).any():
        return False
    ratio, axis = _principal_axis(_region(light, base + _HALF * rise, row, column), box)
    if ratio >= _THIN:
        return False
    ends = np.argwhere(_region(light, base + _FADED * rise, row, column) & outline)
    along = ((ends[:, ::-1] + 0.5) / _SIDE - 0.5) * (box[2:] - box[:2]) @ axis
    return bool(len(along) and along.min() < 0 < along.max())


def _region(light: NDArray[np.float32], level: float, row: int, column: int) -> NDArray[np.bool_]:
    """Return the connected region above a level about a sample."""
    _, regions = cv2.connectedComponents((light > level).astype(np.uint8))
    return np.asarray(regions == regions[row, column])


def _principal_axis(
    region: NDArray[np.bool_], box: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the axis ratio of a region of a box and its long axis (x, y), from second moments."""
    places = (np.argwhere(region)[:, ::-1] + 0.5) * (box[2:] - box[:2]) / _SIDE
    # The variance of a sample itself keeps a single row of samples from having no width.
    pixel = np.diag(((box[2:] - box[:2]) / _SIDE) ** 2 / 12)
    spread = np.cov(places.T, bias=True).reshape(2, 2) + pixel
    (shortest, longest), axes = np.linalg.eigh(spread)
    return float(np.sqrt(shortest / longest)), axes[:, 1]
