"""Train the rescoring of detections from their light profiles."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ...imaging.grey import smoothed_grey
from ...metrics.log_odds import log_odds
from ..export.calibration import fit_logistic
from ..measure import Searched
from ..training.training_tiles import TrainingImage
from .light_profile import measure_light_profile
from .mlp import MLP
from .mlp_training import Batch, fit_mlp

__all__ = ["fit_rescoring"]

# Boxes that are right, and that are wrong, must be as many at least.
_FEWEST_BOXES = 50
_RIGHT_IOU = 0.5
# Of the uncalibrated detector: what scores less is hardly ever an object, and easily told.
_LOWEST_SCORE = 0.1
_BATCH = 256
# So strong because a detector's boxes on its own training images are few: cross-validated, mAP of
# cutouts 0.970, 0.971 and 0.973 with 0.03, 0.1 and 0.3.
_DECAY = 0.3


def fit_rescoring(searched: Searched, seed: int) -> MLP | None:
    """Train what is added to the logit of a score, on a detector's own training images.

    A box that found an object at IoU 0.5 is right; those on difficult objects are left out.

    Parameters
    ----------
    searched : Searched
        By a detector that is not calibrated yet; one image at least, the edges moved already.
    seed : int

    Returns
    -------
    MLP or None
        None where too few boxes are right, or too few wrong, to learn from.
    """
    pairs = [
        (image, found.select(found.scores >= _LOWEST_SCORE))
        for image, found in zip(searched.images, searched.found, strict=True)
    ]
    verdicts = np.concatenate([_verdicts(*pair) for pair in pairs])
    counted = verdicts != 0
    hits = verdicts[counted] > 0
    if min(hits.sum(), (~hits).sum()) < _FEWEST_BOXES:
        return None
    features = np.concatenate(
        [measure_light_profile(smoothed_grey(image.rgb), found.boxes) for image, found in pairs]
    )
    features = features[counted]
    scores = log_odds(np.concatenate([found.scores for _, found in pairs])[counted])
    # A detector's scores are not yet probabilities, to whose odds evidence could be added.
    slope, intercept = fit_logistic(scores, hits.astype(np.float64), np.full(len(hits), 1e-3))
    if slope <= 0:
        return None
    odds = slope * scores + intercept
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    standardised = (features - mean) / deviation

    def draw(rng: np.random.Generator) -> Batch:
        drawn = rng.integers(len(standardised), size=_BATCH)
        return standardised[drawn], partial(_slope, odds[drawn], hits[drawn])

    *layers, kernel, bias = fit_mlp(mean, deviation, 1, draw, seed, _DECAY).parameters
    return MLP((*layers, kernel / slope, bias / slope))


def _verdicts(image: TrainingImage, found: Detections) -> NDArray[np.int64]:
    """Return 1 for each box that is right, -1 for each that is wrong, 0 for those left out."""
    same_class = found.class_ids[:, np.newaxis] == image.class_ids
    overlap = np.where(same_class, iou(found.boxes, image.boxes), 0.0)
    undecided = (overlap[:, image.difficult] >= _RIGHT_IOU).any(axis=1)
    free = ~image.difficult
    verdicts = np.where(undecided, 0, -1)
    for row in np.argsort(-found.scores, kind="stable"):
        candidates = np.where(free, overlap[row], 0.0)
        if candidates.max(initial=0.0) >= _RIGHT_IOU:
            free[candidates.argmax()] = False
            verdicts[row] = 1
    return verdicts


def _slope(
    odds: NDArray[np.float64], hits: NDArray[np.bool_], evidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the slope of the mean log loss by the evidence."""
    probabilities = 1 / (1 + np.exp(-(odds + evidence[:, 0])))
    return np.asarray((probabilities - hits)[:, np.newaxis] / len(hits))
