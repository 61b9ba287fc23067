"""Curves of a detector: precision and recall, recall by size, reliability, class confusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import Detections, area, clip, iou
from .coco import Matches
from .reliability import ReliabilityBin, calibration_error, reliability_bins

__all__ = [
    "PrecisionRecall",
    "Reliability",
    "SizeRecall",
    "confusion",
    "recall_by_size",
    "reliability",
]

_MATCHING_IOU = 0.5
# Far below any threshold nearly all boxes are false and would dominate the error.
_LOWEST_JUDGED = 0.1
# Steps of half an octave; the first and the last bin are open.
_SIZE_EDGES = np.round(2.0 ** np.arange(3.5, 8.6, 0.5), 1)


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision and recall at IoU 0.5 by score threshold.

    Attributes
    ----------
    scores, precision, recall : ndarray of float64, shape (K,)
        Values including each detection and all better ones, best first.
    """

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Matches) -> PrecisionRecall:
        """Compute the curve over all classes.

        Parameters
        ----------
        matches : Matches
        """
        hits = np.cumsum(matches.hits)
        total = np.arange(1, len(hits) + 1)
        return cls(matches.scores, hits / total, hits / max(len(matches.object_sizes), 1))

    def at(self, threshold: float) -> tuple[float | None, float]:
        """Return precision and recall at a score threshold.

        Parameters
        ----------
        threshold : float
            Lowest score of the detections kept.

        Returns
        -------
        precision : float or None
            None without detections.
        recall : float
        """
        kept = int((self.scores >= threshold).sum())
        if kept == 0:
            return None, 0.0
        return float(self.precision[kept - 1]), float(self.recall[kept - 1])

    def recall_at(self, precision: float) -> float:
        """Return the highest recall with at least a given precision.

        Parameters
        ----------
        precision : float
        """
        return float(self.recall[self.precision >= precision].max(initial=0.0))

    def f1(self, threshold: float) -> float:
        """Return the F1 score at a score threshold.

        Parameters
        ----------
        threshold : float
            Lowest score of the detections kept.
        """
        precision, recall = self.at(threshold)
        if not precision:
            return 0.0
        return 2 * precision * recall / (precision + recall)


@dataclass(frozen=True, eq=False)
class SizeRecall:
    """Recall at IoU 0.5 by the square root of the object's area.

    Attributes
    ----------
    sizes : ndarray of float64, shape (B,)
        Geometric mean of the sizes in each bin, pixels; bins without objects are left out.
    recall : ndarray of float64, shape (B,)
    counts : ndarray of int64, shape (B,)
        Objects in each bin.
    """

    sizes: NDArray[np.float64]
    recall: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Fraction of true boxes by score.

    Attributes
    ----------
    bins : tuple of ReliabilityBin
        Boxes in ten ranges of the score; those that match an object at IoU 0.5 are correct.
    error : float or None
        Calibration error of the boxes that score more than 0.1; None without any.
    """

    COLUMNS: ClassVar = ("score", "boxes", "mean score", "share of true boxes")

    bins: tuple[ReliabilityBin, ...]
    error: float | None

    def rows(self) -> list[list[str]]:
        """Return the bins that have boxes as texts, by `COLUMNS`."""
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


def recall_by_size(matches: Matches, threshold: float) -> SizeRecall:
    """Compute the recall in bins of object size.

    Parameters
    ----------
    matches : Matches
    threshold : float
        Lowest score of the detections kept.
    """
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


def reliability(matches: Matches) -> Reliability:
    """Compare scores with the fraction of true boxes.

    Parameters
    ----------
    matches : Matches
    """
    bins = reliability_bins(matches.scores, matches.hits)
    judged = [b for b in bins if b.count and b.lowest >= _LOWEST_JUDGED]
    return Reliability(bins, calibration_error(judged) if judged else None)


def confusion(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    threshold: float,
) -> NDArray[np.int64]:
    """Compute the confusion matrix of a detector of several classes.

    Detections are matched in order of their score, each with the unmatched object of any class with
    the highest IoU, at least 0.5.  Difficult objects are left out, and so are unmatched detections
    of which half is covered by one.

    Parameters
    ----------
    truth, predictions : sequence of AnnotatedImage, of Detections
        In the same order.
    class_names : sequence of str
        The C classes.
    threshold : float
        Lowest score of the detections kept.

    Returns
    -------
    ndarray of int64, shape (C + 1, C + 1)
        Rows are the true class, columns the detected one; the last row counts false detections,
        the last column missed objects.
    """
    background = len(class_names)
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    for image, found in zip(truth, predictions, strict=True):
        counting = np.flatnonzero(~image.difficult)
        classes = [list(class_names).index(image.labels[row]) for row in counting]
        overlaps = iou(found.boxes, image.boxes[counting])
        ignored = _covered(found.boxes, image.boxes[image.difficult]) >= _MATCHING_IOU
        free = np.ones(len(counting), dtype=bool)
        for row in np.argsort(-found.scores, kind="stable"):
            if found.scores[row] < threshold:
                break
            candidates = np.where(free, overlaps[row], 0.0)
            if candidates.max(initial=0.0) >= _MATCHING_IOU:
                best = int(candidates.argmax())
                free[best] = False
                counts[classes[best], found.class_ids[row]] += 1
            elif not ignored[row]:
                counts[background, found.class_ids[row]] += 1
        for place in np.flatnonzero(free):
            counts[classes[place], background] += 1
    return counts


def _covered(boxes: NDArray[np.float64], difficult: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest fraction of each box covered by a difficult object."""
    shares = np.zeros(len(boxes))
    for xmin, ymin, xmax, ymax in difficult:
        moved = clip(boxes - np.array([xmin, ymin, xmin, ymin]), xmax - xmin, ymax - ymin)
        shares = np.maximum(shares, area(moved) / np.maximum(area(boxes), 1e-9))
    return shares
