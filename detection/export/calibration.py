"""Calibration of a detector's scores as probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...metrics.coco import Matches
from ...metrics.curves import reliability
from ...metrics.reliability import log_odds
from ...models import ScoreCalibration

__all__ = ["calibrated", "calibration_errors", "fit_calibration", "fit_logistic"]


def fit_calibration(kinds: Sequence[Matches]) -> ScoreCalibration:
    """Fit the calibration of scores to matched detections.

    A box is true if it matches an object at IoU 0.5; boxes on difficult objects are left out, as in
    `Matches`.  Every kind of images has the same weight, whatever its number of boxes.

    A few hundred true boxes determine two parameters.  (Log loss of boxes with scores from 0.1,
    cross-validated by image on the 58 validation images of SSD-MobileNet: uncalibrated 104, offset
    alone 117, two parameters 69, three parameters (Kull et al. 2017, "Beta calibration") 70,
    isotonic regression 80.)

    Parameters
    ----------
    kinds : sequence of Matches
        Matches on the validation images of each kind, with uncalibrated scores.

    Returns
    -------
    ScoreCalibration
        The identity where there are no true or no false boxes, or where higher scores are not
        likelier to be true.
    """
    kinds = [matches for matches in kinds if matches.hits.any() and not matches.hits.all()]
    if not kinds:
        return ScoreCalibration()
    logits = np.concatenate([log_odds(matches.scores) for matches in kinds])
    targets = np.concatenate([_targets(matches.hits) for matches in kinds])
    weights = np.concatenate(
        [np.full(len(matches.hits), 1 / matches.hits.sum()) for matches in kinds]
    )
    slope, intercept = fit_logistic(logits, targets, weights)
    if slope <= 0:
        return ScoreCalibration()
    return ScoreCalibration(slope=round(slope, 4), intercept=round(intercept, 4))


def fit_logistic(
    logits: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Fit a weighted logistic regression of one variable.

    Parameters
    ----------
    logits, targets, weights : ndarray, shape (N,)
        Targets from 0 to 1.

    Returns
    -------
    slope, intercept : float
    """
    from scipy.optimize import minimize

    def log_loss(parameters: NDArray[np.float64]) -> float:
        odds = parameters[0] * logits + parameters[1]
        return float((weights * (np.logaddexp(0, odds) - targets * odds)).sum())

    slope, intercept = minimize(log_loss, np.array([1.0, 0.0]), method="BFGS").x.tolist()
    return slope, intercept


def calibrated(matches: Matches, calibration: ScoreCalibration) -> Matches:
    """Return matches with calibrated scores.

    Parameters
    ----------
    matches : Matches
        With uncalibrated scores.
    calibration : ScoreCalibration
    """
    return replace(
        matches,
        scores=calibration.probabilities(log_odds(matches.scores)),
        object_scores=np.where(
            np.isfinite(matches.object_scores),
            calibration.probabilities(log_odds(matches.object_scores)),
            matches.object_scores,
        ),
    )


def calibration_errors(matches: Matches, calibration: ScoreCalibration) -> dict[str, float | None]:
    """Return the calibration error of calibrated and of uncalibrated scores.

    Parameters
    ----------
    matches : Matches
        With calibrated scores.
    calibration : ScoreCalibration
        Calibration of these scores.

    Returns
    -------
    dict of str to float or None
        ``calibration_error`` and ``calibration_error_before``; None without boxes.
    """
    inverse = ScoreCalibration(
        slope=1 / calibration.slope, intercept=-calibration.intercept / calibration.slope
    )
    errors = {
        "calibration_error": reliability(matches).error,
        "calibration_error_before": reliability(calibrated(matches, inverse)).error,
    }
    return {name: error and round(error, 4) for name, error in errors.items()}


def _targets(hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the targets of Platt (1999) in place of 0 and 1, against overfitting."""
    true = hits.sum()
    targets: NDArray[np.float64] = np.where(
        hits, (true + 1) / (true + 2), 1 / (len(hits) - true + 2)
    )
    return targets
