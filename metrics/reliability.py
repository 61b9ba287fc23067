"""Calibration of probabilities: reliability bins, calibration error, log odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

__all__ = ["ReliabilityBin", "calibration_error", "log_odds", "reliability_bins"]

_BINS = 10
# Keeps the log odds of a score that was rounded to 0 or 1 finite.
_SMALLEST = 1e-12


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions in a range of probability.

    Attributes
    ----------
    lowest, highest : float
        The range; the upper edge is included, the lower one only at 0.
    count : int
        Number of predictions.
    probability : float or None
        Mean probability; None without predictions.
    share : float or None
        Fraction of correct predictions; None without predictions.
    """

    lowest: float
    highest: float
    count: int
    probability: float | None
    share: float | None


def reliability_bins(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[ReliabilityBin, ...]:
    """Group predictions into ten equal ranges of probability.

    Parameters
    ----------
    probabilities : ndarray of float, shape (N,)
        Probability of each prediction.
    right : ndarray of bool, shape (N,)
        True where it is correct.

    Returns
    -------
    tuple of ReliabilityBin
        From 0 to 1; empty bins included.
    """
    edges = np.linspace(0, 1, _BINS + 1)
    place = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, _BINS - 1)
    result = []
    for index in range(_BINS):
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
    """Return the expected calibration error (ECE) [1]_.

    Parameters
    ----------
    bins : sequence of ReliabilityBin
        From `reliability_bins`.

    Returns
    -------
    float
        Mean gap between probability and fraction of correct predictions, weighted by the number of
        predictions; 0 without predictions.

    References
    ----------
    .. [1] C. Guo et al., "On calibration of modern neural networks", ICML (2017), equation 3.
    """
    gaps = [
        b.count * abs(b.share - b.probability)
        for b in bins
        if b.share is not None and b.probability is not None
    ]
    return sum(gaps) / max(sum(b.count for b in bins), 1)


def log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logit of scores, kept finite at 0 and 1.

    Parameters
    ----------
    scores : ndarray of float
        Probabilities.
    """
    return np.asarray(logit(np.clip(scores, _SMALLEST, 1 - _SMALLEST)))
