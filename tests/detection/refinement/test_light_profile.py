from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.detection.refinement.light_profile import LIGHT_FEATURES, measure_light_profile
from galpipe.imaging.background import smoothed_grey

SIDE = 96
SIZE, PEAK, SHARES, RINGS, ROUND, STEEP, PAIR = (
    0,
    1,
    slice(2, 5),
    slice(5, 9),
    slice(9, 11),
    11,
    slice(12, 14),
)


def picture(*sources: tuple[float, float, float, float], sky: float = 20) -> np.ndarray:
    """Return Gaussians of 160 grey levels at x, y with the widths given, on a sky."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    grey = np.full((SIDE, SIDE), float(sky))
    for x, y, across, down in sources:
        grey += 160 * np.exp(-(((columns - x) / across) ** 2 + ((rows - y) / down) ** 2) / 2)
    return np.repeat(grey.round().clip(0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def light(rgb: np.ndarray, *box: float) -> np.ndarray:
    (features,) = measure_light_profile(smoothed_grey(rgb), np.array([box]))
    return features


def test_a_round_source() -> None:
    features = light(picture((48, 48, 8, 8)), 24, 24, 72, 72)
    assert features.shape == (LIGHT_FEATURES,)
    assert np.exp(features[SIZE]) == pytest.approx(48)
    assert np.exp(features[PEAK]) == pytest.approx(158, abs=6)
    # What is brighter than a share s of the peak of a Gaussian covers 2 pi sigma^2 ln(1/s).
    areas = [2 * np.pi * 8**2 * np.log(1 / share) / 48**2 for share in (0.75, 0.5, 0.25)]
    np.testing.assert_allclose(features[SHARES], areas, atol=0.015)
    assert (np.diff(features[RINGS]) < 0).all()
    np.testing.assert_allclose(features[ROUND], 0, atol=0.01)
    np.testing.assert_array_equal(features[PAIR], [0, 1])


def test_an_elongated_source_is_so_in_its_own_box() -> None:
    # Four to one in width, in its variance as much of the box: the box alone would make it round.
    features = light(picture((48, 48, 16, 4)), 0, 36, 96, 60)
    np.testing.assert_allclose(features[ROUND], np.log(4), atol=0.3)


def test_a_compact_source_is_steeper_than_an_extended_one() -> None:
    box = (24, 24, 72, 72)
    star, galaxy = light(picture((48, 48, 3, 3)), *box), light(picture((48, 48, 10, 10)), *box)
    assert star[STEEP] > 2 * galaxy[STEEP]
    assert (star[SHARES] < galaxy[SHARES] / 4).all()


def test_two_sources_in_one_box() -> None:
    second, gap = light(picture((34, 48, 5, 5), (62, 48, 5, 5)), 16, 28, 80, 68)[PAIR]
    assert second > 0.9
    assert gap < 0.1


@given(st.integers(0, 3), st.booleans(), st.integers(0, 60))
@settings(max_examples=20)
def test_turning_the_picture_changes_next_to_nothing(turns: int, mirror: bool, sky: int) -> None:
    rgb = picture((44, 40, 9, 5), (60, 58, 4, 4), sky=sky)
    box = np.array([22.0, 24, 70, 68])
    turned = np.rot90(rgb, turns)
    corners = box.reshape(2, 2)
    for _ in range(turns):
        corners = np.stack([corners[:, 1], SIDE - corners[:, 0]], axis=1)
    if mirror:
        turned = turned[:, ::-1]
        corners = np.stack([SIDE - corners[:, 0], corners[:, 1]], axis=1)
    again = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    np.testing.assert_allclose(
        light(np.ascontiguousarray(turned), *again), light(rgb, *box), rtol=0.03, atol=0.03
    )


def test_no_boxes_and_boxes_at_the_rim() -> None:
    grey = smoothed_grey(picture((0, 0, 8, 8)))
    assert measure_light_profile(grey, np.zeros((0, 4))).shape == (0, LIGHT_FEATURES)
    boxes = np.array([[0, 0, 0.4, 0.4], [95.5, 95.5, 96, 96], [0, 0, 96, 96], [10, 95.2, 60, 96]])
    assert np.isfinite(measure_light_profile(grey, boxes)).all()
    assert np.isfinite(measure_light_profile(np.zeros_like(grey), boxes)).all()
