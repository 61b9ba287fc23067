"""Which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import Detections, area, clip, iou

__all__ = ["confusion"]

_MATCHES = 0.5


def confusion(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    threshold: float,
) -> NDArray[np.int64]:
    """Count the objects of each class by the class that they were found as.

    Of each image the best detection takes the object that it overlaps most, of whatever class, with
    an IoU of at least 0.5; then the next one what is left.  Difficult objects are left out, and so
    is a detection that lies on one by half and on nothing else.

    Parameters
    ----------
    truth, predictions : sequence of AnnotatedImage, of Detections
        In the same order.
    class_names : sequence of str
        The C classes.
    threshold : float
        Lowest score of a detection.

    Returns
    -------
    ndarray of int64, shape (C + 1, C + 1)
        Rows are the true class, columns the found one; the last row holds detections of nothing,
        the last column objects that were missed.
    """
    nothing = len(class_names)
    counts = np.zeros((nothing + 1, nothing + 1), dtype=np.int64)
    for image, found in zip(truth, predictions, strict=True):
        counting = np.flatnonzero(~image.difficult)
        classes = [list(class_names).index(image.labels[row]) for row in counting]
        overlaps = iou(found.boxes, image.boxes[counting])
        ignored = _covered(found.boxes, image.boxes[image.difficult]) >= _MATCHES
        left = np.ones(len(counting), dtype=bool)
        for row in np.argsort(-found.scores, kind="stable"):
            if found.scores[row] < threshold:
                break
            free = np.where(left, overlaps[row], 0.0)
            if free.max(initial=0.0) >= _MATCHES:
                best = int(free.argmax())
                left[best] = False
                counts[classes[best], found.class_ids[row]] += 1
            elif not ignored[row]:
                counts[nothing, found.class_ids[row]] += 1
        for place in np.flatnonzero(left):
            counts[classes[place], nothing] += 1
    return counts


def _covered(boxes: NDArray[np.float64], difficult: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest share of each box that lies on one difficult object."""
    shares = np.zeros(len(boxes))
    for xmin, ymin, xmax, ymax in difficult:
        moved = clip(boxes - np.array([xmin, ymin, xmin, ymin]), xmax - xmin, ymax - ymin)
        shares = np.maximum(shares, area(moved) / np.maximum(area(boxes), 1e-9))
    return shares
