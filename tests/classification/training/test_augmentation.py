from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.classification.training.augmentation import (
    Framing,
    frame,
    jitter,
    random_framing,
)
from galpipe.configs import SurveyAugmentation

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)


def smooth(size: int = 64) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.stack([2 * x, 2 * y, x + y], axis=2).astype(np.uint8)


def test_the_whole_image_unturned_is_itself() -> None:
    picture = smooth()
    view = frame(picture, Framing(32, 32, 64), 64)
    difference = np.abs(view.astype(int) - picture)
    assert difference[1:-1, 1:-1].max() <= 1


@pytest.mark.parametrize(
    ("framing", "same"),
    [
        (Framing(32, 32, 64, mirror=True), lambda p: p[:, ::-1]),
        (Framing(32, 32, 64, turn=90), lambda p: np.rot90(p)),
        (Framing(32, 32, 64, turn=180), lambda p: p[::-1, ::-1]),
    ],
)
def test_turns_and_mirror(framing: Framing, same: Callable[[np.ndarray], np.ndarray]) -> None:
    difference = np.abs(frame(smooth(), framing, 64).astype(int) - same(smooth()))
    assert difference[2:-2, 2:-2].max() <= 2


def test_a_crop_shows_its_part_of_the_image() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[10:20, 20:30] = 255
    assert (frame(picture, Framing(25, 15, 10), 10)[1:-1, 1:-1] == 255).all()
    assert (frame(picture, Framing(10, 30, 10), 10) == 0).all()


def test_outside_the_image_lies_its_median_colour() -> None:
    picture = np.full((20, 20, 3), (5, 10, 20), np.uint8)
    view = frame(picture, Framing(0, 0, 40), 16)
    assert (view == (5, 10, 20)).all()


def test_views_stay_near_the_galaxy_and_reach_from_crop_to_whole() -> None:
    rng = np.random.default_rng(0)
    framings = [random_framing(rng, (96, 96), 60, 1.5, 192) for _ in range(2000)]
    sides = np.array([f.side for f in framings])
    assert 40 < sides.min() < 70
    assert 190 < sides.max() < 215
    assert np.mean(np.abs(np.log(sides / 90)) < 0.4) > 0.6
    offsets = np.array([[f.x - 96, f.y - 96] for f in framings]) / sides[:, None]
    assert np.abs(offsets).max() < 0.2


def test_jitter_keeps_shape_and_depends_on_the_generator_alone(image: np.ndarray) -> None:
    plain = SurveyAugmentation()
    first, again, other = (jitter(np.random.default_rng(s), image, plain) for s in (3, 3, 4))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_as_many_skies_are_grey_as_asked_for() -> None:
    dark = np.zeros((8, 8, 3), np.uint8)
    always = SurveyAugmentation(grey_sky=1.0, greyest_sky=0.4)
    never = SurveyAugmentation(grey_sky=0.0)
    grey, black = (
        np.mean([np.median(jitter(np.random.default_rng(s), dark, how)) for s in range(300)])
        for how in (always, never)
    )
    # Evenly from 0 to 0.4 of white, beside the little that every sky differs by.
    assert 0.16 * 255 < grey < 0.26 * 255
    assert black < 0.03 * 255
