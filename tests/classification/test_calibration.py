from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.calibration import calibration_error, reliability


def test_bins_worked_out_by_hand() -> None:
    confidence = np.array([0.55, 0.6, 0.95, 1.0, 0.65])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    bins = reliability(np.array([0, 1, 0, 0, 1]), probabilities)
    assert [b.images for b in bins] == [0, 0, 0, 0, 0, 2, 1, 0, 0, 2]
    assert (bins[5].lowest, bins[5].highest) == (0.5, pytest.approx(0.6))
    assert (bins[5].confidence, bins[5].accuracy) == (pytest.approx(0.575), 0.5)
    assert (bins[6].accuracy, bins[9].accuracy, bins[0].accuracy) == (0, 1, None)
    assert calibration_error(bins) == pytest.approx((2 * 0.075 + 0.65 + 2 * 0.025) / 5)


def test_honest_probabilities_have_hardly_an_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    true = (rng.random(20_000) > confidence).astype(np.int64)
    bins = reliability(true, np.stack([confidence, 1 - confidence], axis=1))
    assert calibration_error(bins) < 0.02
    swollen = np.stack([(confidence + 1) / 2, (1 - confidence) / 2], axis=1)
    assert calibration_error(reliability(true, swollen)) == pytest.approx(0.125, abs=0.02)
