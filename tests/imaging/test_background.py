from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.imaging.background import (
    background,
    correlation_length,
    median,
    noise_level,
    sky_level,
)

Noise = Callable[..., NDArray[np.float32]]


def blob(shape: tuple[int, int], peak: float) -> NDArray[np.float32]:
    rows, columns = np.indices(shape)
    distance = (rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2
    return (peak * np.exp(-distance / 200)).astype(np.float32)


def sky(share: float) -> np.ndarray:
    """Noise of 2 about 10, and light of all levels upon a share of the picture."""
    rng = np.random.default_rng(0)
    grey = rng.normal(10, 2, (300, 300)).astype(np.float32)
    lit = rng.random(grey.shape) < share
    grey[lit] += rng.exponential(40, int(lit.sum())).astype(np.float32)
    return grey


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001])
def test_the_median_is_that_of_numpy(count: int, dtype: type) -> None:
    values = np.random.default_rng(count).normal(3, 1, count).astype(dtype)
    assert median(values) == float(np.median(values))
    grey = values.astype(np.float32).reshape(1, -1)
    assert sky_level(grey) == noise_level(grey)[0]


def test_an_empty_sky_is_measured_alike() -> None:
    clipped = noise_level(sky(0), clipped=True)
    assert clipped == pytest.approx(noise_level(sky(0)), rel=0.02)
    assert clipped == pytest.approx((10, 2), rel=0.02)


def test_a_crowd_hides_the_sky_only_from_the_plain_measure() -> None:
    crowd = sky(0.4)
    assert noise_level(crowd)[1] > 4
    level, noise = noise_level(crowd, clipped=True)
    assert level == pytest.approx(10, rel=0.1)
    assert noise == pytest.approx(2, rel=0.3)


def test_a_sky_without_noise_has_half_a_count() -> None:
    assert noise_level(np.zeros((30, 30), np.float32), clipped=True) == (0.0, 0.5)


def test_background_of_pure_noise(noise: Noise) -> None:
    level, sigma = background(noise((400, 500), 120, 7))
    assert level == pytest.approx(120, abs=0.2)
    assert sigma == pytest.approx(7, rel=0.02)


def test_background_is_blind_to_stars_and_a_large_galaxy(noise: Noise) -> None:
    band = noise((300, 300), 50, 2) + blob((300, 300), 500)
    chance = np.random.default_rng(0)
    band[chance.integers(300, size=900), chance.integers(300, size=900)] += 1000
    level, sigma = background(band)
    assert level == pytest.approx(50, abs=0.4)
    assert sigma == pytest.approx(2, rel=0.1)


def test_background_without_noise_is_still_positive() -> None:
    assert background(np.full((20, 20), 3, np.float32)) == (3, 1)
    level, sigma = background(blob((100, 100), 10))
    assert level == pytest.approx(0, abs=0.2)
    assert 0 < sigma < 1


@pytest.mark.parametrize("sigma", [0, 0.7, 1, 2])
def test_correlation_length_is_that_of_the_smoothing(noise: Noise, sigma: float) -> None:
    band = noise((400, 400))
    if sigma:
        band = cv2.GaussianBlur(band, (0, 0), sigma)
    found = correlation_length(band, *background(band), np.zeros(band.shape, bool))
    assert found == pytest.approx(sigma, abs=0.35 if sigma == 0 else 0.12)


@pytest.mark.parametrize("value", [1e8, -1e8, 3.4e38, -3.4e38, np.inf])
def test_one_pixel_of_any_value_changes_nothing(noise: Noise, value: float) -> None:
    band = noise((100, 100), 20, 3)
    clean = background(band)
    band[0, 0] = value
    assert background(band) == pytest.approx(clean, rel=1e-3)
