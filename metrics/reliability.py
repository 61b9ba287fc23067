"""Whether probabilities mean what they say: of the answers at 80 %, four in five must be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "ReliabilityBin", "calibration_error", "reliability_bins"]

BINS = 10
"""Equal steps of the probability from 0 to 1."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers that were given with a probability in one range.

    Attributes
    ----------
    lowest, highest : float
        The range; its upper edge belongs to it, its lower one only at 0.
    count : int
        Number of answers in it.
    probability : float or None
        Their mean probability; None without answers.
    share : float or None
        Share of them that is right; None without answers.
    """

    lowest: float
    highest: float
    count: int
    probability: float | None
    share: float | None


def reliability_bins(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort answers by their probability.

    Parameters
    ----------
    probabilities : ndarray of float, shape (N,)
        Probability with which each answer was given.
    right : ndarray of bool, shape (N,)
        Whether it is right.
    bins : int
        Number of equal ranges.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, bins - 1)
    result = []
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        result.append(
            ReliabilityBin(
                float(edges[index]),
                float(edges[index + 1]),
                count,
                float(probabilities[inside].mean()) if count else None,
                float(right[inside].mean()) if count else None,
            )
        )
    return tuple(result)


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error (ECE): the mean gap of probability and share.

    Each range counts by its answers (Guo et al. 2017, "On calibration of modern neural networks",
    equation 3); without answers there is no error.
    """
    gaps = [
        b.count * abs(b.share - b.probability)
        for b in bins
        if b.share is not None and b.probability is not None
    ]
    return sum(gaps) / max(sum(b.count for b in bins), 1)
