"""A second look at what a detector found: from the isophotes about a box to its edges."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, area, clip
from ..imaging.outlines import FEATURES, find_outlines

__all__ = ["HIDDEN", "SecondLook"]

HIDDEN = 24

# How far an edge moves at most, of the box's size: what would move it further is a neighbour whose
# light runs into that of the object.  On validation images any limit from 0.15 up is as good.
_FURTHEST = 0.2

_SHAPES: tuple[tuple[int, ...], ...] = (
    *((FEATURES,), (FEATURES,)),
    *((FEATURES, HIDDEN), (HIDDEN,)),
    *((HIDDEN, HIDDEN), (HIDDEN,)),
    *((HIDDEN, 4), (4,)),
)


@dataclass(frozen=True, eq=False)
class SecondLook:
    """Moves the edges of boxes onto isophotes.

    Each edge becomes a weighted mean of the edges of all candidates, the weights a softmax of what
    a small network makes of each candidate: an attention over outlines.

    Attributes
    ----------
    parameters : tuple of ndarray
        Mean and deviation of the features, then kernel and bias of three layers.
    """

    parameters: tuple[NDArray[np.float64], ...]

    def refine(self, rgb: NDArray[np.uint8], detections: Detections) -> Detections:
        """Return detections with tighter boxes.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The picture that was searched.
        detections : Detections
            Best first.
        """
        if not len(detections):
            return detections
        outlines = find_outlines(rgb, detections.boxes)
        weights = self.weights(outlines.features)
        moved = (weights * outlines.boxes).sum(axis=1) - detections.boxes
        most = _FURTHEST * np.tile(detections.boxes[:, 2:] - detections.boxes[:, :2], 2)
        boxes = detections.boxes + np.clip(moved, -most, most)
        boxes = clip(boxes, rgb.shape[1], rgb.shape[0])
        return detections.with_boxes(
            np.where(area(boxes)[:, np.newaxis] > 0, boxes, detections.boxes)
        )

    def weights(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each candidate for each edge, shape (N, CANDIDATES, 4)."""
        mean, deviation, *layers = self.parameters
        values = (features - mean) / deviation
        for kernel, bias in ((layers[0], layers[1]), (layers[2], layers[3])):
            values = np.maximum(values @ kernel + bias, 0)
        values = values @ layers[4] + layers[5]
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def to_bytes(self) -> bytes:
        """Return the parameters as a JSON file."""
        rounded = [np.round(array, 6).tolist() for array in self.parameters]
        return (json.dumps(rounded) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> SecondLook:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ValueError
            If it is anything else.
        """
        try:
            arrays = tuple(np.array(array, dtype=np.float64) for array in json.loads(content))
        except (TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"holds no lists of numbers: {error}") from error
        if tuple(array.shape for array in arrays) != _SHAPES:
            raise ValueError("holds lists of another shape than a second look has")
        if not all(np.isfinite(array).all() for array in arrays) or not (arrays[1] > 0).all():
            raise ValueError("holds numbers that a second look cannot have")
        return cls(arrays)
