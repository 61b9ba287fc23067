from __future__ import annotations

import numpy as np
import pytest

from galpipe.imaging.grey import clipped_noise_level, noise_level


def sky(share: float) -> np.ndarray:
    """Noise of 2 about 10, and light of all levels upon a share of the picture."""
    rng = np.random.default_rng(0)
    grey = rng.normal(10, 2, (300, 300)).astype(np.float32)
    lit = rng.random(grey.shape) < share
    grey[lit] += rng.exponential(40, int(lit.sum())).astype(np.float32)
    return grey


def test_an_empty_sky_is_measured_alike() -> None:
    assert clipped_noise_level(sky(0)) == pytest.approx(noise_level(sky(0)), rel=0.02)
    assert clipped_noise_level(sky(0)) == pytest.approx((10, 2), rel=0.02)


def test_a_crowd_hides_the_sky_only_from_the_plain_measure() -> None:
    crowd = sky(0.4)
    assert noise_level(crowd)[1] > 4
    level, noise = clipped_noise_level(crowd)
    assert level == pytest.approx(10, rel=0.1)
    assert noise == pytest.approx(2, rel=0.3)


def test_a_sky_without_noise_has_half_a_count() -> None:
    assert clipped_noise_level(np.zeros((30, 30), np.float32)) == (0.0, 0.5)
