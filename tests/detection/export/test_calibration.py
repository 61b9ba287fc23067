from __future__ import annotations

import numpy as np
import pytest

from galpipe.detection.export.calibration import (
    calibrated,
    calibration_errors,
    fit_calibration,
)
from galpipe.metrics.coco import Matches
from galpipe.models import ScoreCalibration


def _matches(scores: np.ndarray, hits: np.ndarray) -> Matches:
    """Make matches of detections of one image, and of two objects: one found, one not."""
    order = np.argsort(-scores, kind="stable")
    return Matches(
        object_images=np.zeros(2, np.int64),
        object_rows=np.arange(2),
        object_sizes=np.full(2, 20.0),
        object_scores=np.array([0.5, -np.inf]),
        images=np.zeros(len(scores), np.int64),
        rows=np.arange(len(scores)),
        scores=scores[order],
        hits=hits[order].astype(bool),
    )


def _drawn(count: int, slope: float, intercept: float, seed: int = 0) -> Matches:
    """Draw detections whose hits follow a known map of their scores."""
    rng = np.random.default_rng(seed)
    logits = rng.uniform(-4, 3, count)
    likely = 1 / (1 + np.exp(-(slope * logits + intercept)))
    return _matches(1 / (1 + np.exp(-logits)), rng.random(count) < likely)


def test_the_map_that_made_the_hits_is_found() -> None:
    matches = _drawn(20_000, 2.2, -0.6)
    found = fit_calibration([matches])
    assert (found.slope, found.intercept) == (pytest.approx(2.2, 0.05), pytest.approx(-0.6, 0.1))
    errors = calibration_errors(calibrated(matches, found), found)
    assert errors["calibration_error"] < 0.02
    assert errors["calibration_error_before"] > 0.1


def test_each_kind_of_images_has_the_same_weight() -> None:
    few, many = _drawn(5_000, 2.0, 1.0), _drawn(50_000, 2.0, -1.0)
    assert fit_calibration([few]).intercept == pytest.approx(1, abs=0.15)
    assert fit_calibration([many]).intercept == pytest.approx(-1, abs=0.15)
    assert abs(fit_calibration([few, many]).intercept) < 0.3


def test_the_order_stays_and_what_was_missed_stays_missed() -> None:
    matches = _drawn(500, 1.0, 0.0)
    found = calibrated(matches, ScoreCalibration(slope=1.7, intercept=-0.4))
    assert (np.diff(found.scores) <= 0).all()
    np.testing.assert_array_equal(found.hits, matches.hits)
    assert found.object_scores[1] == -np.inf
    assert found.object_scores[0] == pytest.approx(1 / (1 + np.exp(0.4)))


@pytest.mark.parametrize(
    ("scores", "hits"),
    [
        ([], []),
        ([0.9, 0.2], [True, True]),
        ([0.9, 0.2], [False, False]),
        ([0.9, 0.8, 0.2, 0.1], [False, False, True, True]),
    ],
)
def test_scores_stay_where_nothing_is_to_be_learnt(scores: list[float], hits: list[bool]) -> None:
    matches = _matches(np.array(scores, float), np.array(hits, bool))
    assert fit_calibration([matches]) == ScoreCalibration()
    assert fit_calibration([]) == ScoreCalibration()


def test_scores_that_part_true_from_false_make_no_certainty() -> None:
    scores = np.array([0.95, 0.9, 0.8, 0.3, 0.2, 0.05])
    found = calibrated(matches := _matches(scores, scores > 0.5), fit_calibration([matches]))
    assert 0.7 < found.scores[1] < 0.99
