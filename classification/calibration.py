"""Whether probabilities mean what they say: of the galaxies at 80 %, four in five must be right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "ReliabilityBin", "calibration_error", "reliability"]

BINS = 10
"""Equal steps of the probability from 0 to 1."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose class was given with a probability in one range.

    Attributes
    ----------
    lowest, highest : float
        The range; its upper edge belongs to it, its lower one only at 0.
    images : int
        Number of images in it.
    confidence : float or None
        Mean probability of the given class; None without images.
    accuracy : float or None
        Share of them whose given class is the true one; None without images.
    """

    lowest: float
    highest: float
    images: int
    confidence: float | None
    accuracy: float | None


def reliability(
    true: NDArray[np.int64], probabilities: NDArray[np.float64], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort images by the probability of the class that they were given.

    Parameters
    ----------
    true : ndarray of int, shape (N,)
        True class of each image.
    probabilities : ndarray of float, shape (N, C)
        Probability of each class.
    bins : int
        Number of equal ranges.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    result = []
    for index in range(bins):
        inside = place == index
        images = int(inside.sum())
        result.append(
            ReliabilityBin(
                float(edges[index]),
                float(edges[index + 1]),
                images,
                float(confidence[inside].mean()) if images else None,
                float(right[inside].mean()) if images else None,
            )
        )
    return tuple(result)


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Return the expected calibration error (ECE): the mean gap of confidence and accuracy.

    Each range counts by its images (Guo et al. 2017, "On calibration of modern neural networks",
    equation 3).
    """
    gaps = [
        b.images * abs(b.accuracy - b.confidence)
        for b in bins
        if b.accuracy is not None and b.confidence is not None
    ]
    return sum(gaps) / max(sum(b.images for b in bins), 1)
