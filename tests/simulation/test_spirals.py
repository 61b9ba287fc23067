from __future__ import annotations

import math

import numpy as np
import pytest

from galpipe.simulation.spirals import SpiralArms


def arms(pitch: float, sense: int = 1, number: int = 2) -> SpiralArms:
    return SpiralArms(
        pitch=(math.radians(pitch),) * number,
        start=tuple(2 * math.pi * k / number for k in range(number)),
        strength=(1.0,) * number,
        inner=10.0,
        outer=60.0,
        width=0.15,
        sense=sense,
    )


def ridge(pattern: SpiralArms, radius: float) -> float:
    """Azimuth modulo half a turn, at which the two arms are brightest at a radius."""
    azimuth = np.linspace(-math.pi, math.pi, 720, endpoint=False, dtype=np.float32)
    total = np.zeros(720)
    for seed in range(24):  # the wandering and the patches average out
        light, _ = pattern.drawn_on(
            np.full((1, 720), radius, np.float32), azimuth[None], np.random.default_rng(seed)
        )
        total += light[0]
    # The second harmonic's phase is the direction of two opposite arms.
    return float(np.angle((total * np.exp(2j * azimuth)).sum()) / 2)


@pytest.mark.parametrize("pitch", [12.0, 25.0])
@pytest.mark.parametrize("sense", [1, -1])
def test_arms_wind_with_their_pitch(pitch: float, sense: int) -> None:
    pattern = arms(pitch, sense)
    inner, outer = 20.0, 24.0

    turn = ridge(pattern, outer) - ridge(pattern, inner)

    expected = sense * math.log(outer / inner) / math.tan(math.radians(pitch))
    assert math.remainder(turn - expected, math.pi) == pytest.approx(0, abs=0.12)


def test_arms_begin_and_end() -> None:
    radius = np.float32([[2.0, 30.0, 90.0]])
    azimuth = np.full_like(radius, 0.0)
    levels = []
    for turn in np.linspace(0, math.pi, 40):
        light, _ = arms(20).drawn_on(radius, azimuth + np.float32(turn), np.random.default_rng(4))
        levels.append(light[0])
    inside, between, beyond = np.max(levels, axis=0)

    assert between > 0.6
    assert max(inside, beyond) < 0.05


def test_points_lie_along_the_arms() -> None:
    pattern = arms(20)

    radius, azimuth = pattern.points(np.random.default_rng(5), 500)

    nearest = np.min(
        [
            np.abs(np.angle(np.exp(1j * (azimuth - pattern.azimuth(arm, radius)))))
            for arm in range(2)
        ],
        axis=0,
    )
    assert radius.min() >= 10
    assert radius.max() <= 60
    assert np.median(nearest) < 0.4
