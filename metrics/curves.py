"""Curves of a detector: precision and recall, recall by size, score against truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .matches import Matches
from .reliability import ReliabilityBin, calibration_error, reliability_bins

__all__ = ["PrecisionRecall", "Reliability", "SizeRecall", "recall_by_size", "reliability"]

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
    bins : tuple of ReliabilityBin
        The boxes by tenths of the score; those that found an object at IoU 0.5 are right.
    error : float or None
        Calibration error over the boxes that score more than 0.1; None without any.
    """

    COLUMNS: ClassVar = ("score", "boxes", "mean score", "share of true boxes")

    bins: tuple[ReliabilityBin, ...]
    error: float | None

    def rows(self) -> list[list[str]]:
        """Return the bins that have boxes in words, by `COLUMNS`."""
        return [
            [
                f"{b.lowest:.1f} to {b.highest:.1f}",
                f"{b.count}",
                f"{b.probability:.3f}",
                f"{b.share:.3f}",
            ]
            for b in self.bins
            if b.count
        ]


def reliability(matches: Matches) -> Reliability:
    """Compare the scores with the share of true boxes."""
    bins = reliability_bins(matches.scores, matches.hits)
    judged = [b for b in bins if b.count and b.lowest >= _LOWEST_JUDGED]
    return Reliability(bins, calibration_error(judged) if judged else None)
