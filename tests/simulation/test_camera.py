from __future__ import annotations

import cv2
import numpy as np
import pytest

from galpipe.simulation.camera import (
    CORRELATION,
    ELECTRONS,
    READ_NOISE,
    SKY,
    SKY_NOISE,
    observed,
    smoothed_noise,
)


@pytest.fixture(scope="module")
def empty() -> np.ndarray:
    return observed(np.zeros((400, 400, 3), np.float32), np.random.default_rng(1))


def test_an_empty_frame_has_the_noise_of_the_sky(empty: np.ndarray) -> None:
    assert empty.mean(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=1e-3)
    assert empty.std(axis=(0, 1)) == pytest.approx(SKY_NOISE, rel=0.02)
    # As measured on empty sky of an SDSS frame.
    assert pytest.approx([0.049, 0.029, 0.018], rel=0.05) == SKY_NOISE


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbouring_pixels_are_correlated(empty: np.ndarray, axis: int) -> None:
    band = np.moveaxis(empty[..., 1], axis, 0)

    lag = [np.corrcoef(band[step:].ravel(), band[:-step].ravel())[0, 1] for step in (1, 4)]

    assert lag == pytest.approx([CORRELATION, 0], abs=0.02)


def test_bright_light_adds_its_own_noise() -> None:
    light = np.full((200, 200, 3), 20.0, np.float32)

    frame = observed(light, np.random.default_rng(2))

    expected = np.sqrt((20 + SKY) * ELECTRONS + READ_NOISE**2) / ELECTRONS
    assert frame.std(axis=(0, 1)) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.0])
def test_the_noise_left_by_smoothing_is_known(empty: np.ndarray, sigma: float) -> None:
    smooth = cv2.GaussianBlur(empty[..., 0], (0, 0), sigma)[20:-20, 20:-20]

    assert smooth.std() / empty[..., 0].std() == pytest.approx(smoothed_noise(sigma), rel=0.04)
