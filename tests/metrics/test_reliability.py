from __future__ import annotations

import numpy as np
import pytest

from galpipe.metrics.reliability import calibration_error, reliability_bins


def test_bins_worked_out_by_hand() -> None:
    right = np.array([True, False, True, True, False])
    bins = reliability_bins(np.array([0.55, 0.6, 0.95, 1.0, 0.65]), right)
    assert [b.count for b in bins] == [0, 0, 0, 0, 0, 2, 1, 0, 0, 2]
    assert (bins[5].lowest, bins[5].highest) == (0.5, pytest.approx(0.6))
    assert (bins[5].probability, bins[5].share) == (pytest.approx(0.575), 0.5)
    assert (bins[6].share, bins[9].share, bins[0].share) == (0, 1, None)
    assert calibration_error(bins) == pytest.approx((2 * 0.075 + 0.65 + 2 * 0.025) / 5)


def test_honest_probabilities_have_hardly_an_error() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(0, 1, 20_000)
    right = rng.random(20_000) < probabilities
    assert calibration_error(reliability_bins(probabilities, right)) < 0.02
    swollen = reliability_bins((probabilities + 1) / 2, right)
    assert calibration_error(swollen) == pytest.approx(0.25, abs=0.02)


def test_no_answers_have_no_error() -> None:
    bins = reliability_bins(np.zeros(0), np.zeros(0, bool))
    assert [b.count for b in bins] == [0] * 10
    assert calibration_error(bins) == 0
