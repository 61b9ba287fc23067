"""Curves of a detector: precision and recall, recall by size, score against truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .matches import Matches

__all__ = ["PrecisionRecall", "Reliability", "SizeRecall", "recall_by_size", "reliability"]

_BINS = 10
# Far below any threshold nearly every box is false, and the many of them would hide the others.
_LOWEST_JUDGED = 0.1
# Steps of half an octave; the first and the last take all that is beyond.
_SIZE_EDGES = np.round(2.0 ** np.arange(3.5, 8.6, 0.5), 1)


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision and recall at IoU 0.5 as the score threshold is lowered.

    Attributes
    ----------
    scores, precision, recall : ndarray, shape (K,)
        For each detection that counts, best first: keeping it and all better ones.
    """

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Matches) -> PrecisionRecall:
        """Return the curve over all classes."""
        hits = np.cumsum(matches.hits)
        total = np.arange(1, len(hits) + 1)
        return cls(matches.scores, hits / total, hits / max(len(matches.object_sizes), 1))

    def at(self, threshold: float) -> tuple[float, float]:
        """Return precision and recall of the detections with at least this score.

        Nothing found is a precision of 1 and a recall of 0.
        """
        kept = int((self.scores >= threshold).sum())
        if kept == 0:
            return 1.0, 0.0
        return float(self.precision[kept - 1]), float(self.recall[kept - 1])

    def recall_at(self, precision: float) -> float:
        """Return the highest recall that keeps the precision at or above a value."""
        return float(self.recall[self.precision >= precision].max(initial=0.0))

    def f1(self, threshold: float) -> float:
        """Return the harmonic mean of precision and recall at a score threshold."""
        precision, recall = self.at(threshold)
        return 2 * precision * recall / (precision + recall) if recall > 0 else 0.0


@dataclass(frozen=True, eq=False)
class SizeRecall:
    """Recall at IoU 0.5 by the square root of the object's area.

    Attributes
    ----------
    sizes : ndarray, shape (B,)
        Geometric mean of the sizes in each bin, pixels; bins without objects are left out.
    recall : ndarray, shape (B,)
    counts : ndarray of int64, shape (B,)
        Objects in each bin.
    """

    sizes: NDArray[np.float64]
    recall: NDArray[np.float64]
    counts: NDArray[np.int64]


def recall_by_size(matches: Matches, threshold: float) -> SizeRecall:
    """Return the share of objects found by boxes with at least a score, by size."""
    bins = np.digitize(matches.object_sizes, _SIZE_EDGES)
    found = matches.object_scores >= threshold
    logarithms = np.log(np.maximum(matches.object_sizes, 1e-9))
    counts = np.bincount(bins, minlength=len(_SIZE_EDGES) + 1)
    kept = counts > 0
    totals = [
        np.bincount(bins, weights, minlength=len(counts))[kept] / counts[kept]
        for weights in (logarithms, found)
    ]
    return SizeRecall(np.exp(totals[0]), totals[1], counts[kept])


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether scores mean what they say: the share of true boxes by score.

    Attributes
    ----------
    scores, shares : ndarray, shape (B,)
        In each tenth of the scores that has boxes: their mean score, and the share of them that
        found an object at IoU 0.5.
    counts : ndarray of int64, shape (B,)
        Boxes in each.
    error : float or None
        Expected calibration error (Guo et al. 2017, arXiv 1706.04599): mean difference of score
        and share over the boxes that score 0.1 and more; None without any.
    """

    scores: NDArray[np.float64]
    shares: NDArray[np.float64]
    counts: NDArray[np.int64]
    error: float | None


def reliability(matches: Matches) -> Reliability:
    """Compare the scores with the share of true boxes."""
    bins = np.clip((matches.scores * _BINS).astype(np.int64), 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    kept = counts > 0
    scores, shares = (
        np.bincount(bins, weights, minlength=_BINS)[kept] / counts[kept]
        for weights in (matches.scores, matches.hits)
    )
    numbers = counts[kept]
    judged = np.flatnonzero(kept) >= _LOWEST_JUDGED * _BINS
    error = None
    if judged.any():
        differences = np.abs(scores - shares)[judged]
        error = float(np.average(differences, weights=numbers[judged]))
    return Reliability(scores, shares, numbers, error)
