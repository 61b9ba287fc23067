from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from galpipe.classification.training.augmentation import (
    Framing,
    affine_view,
    frame,
    jitter,
    pixel_deviation,
    random_framing,
)
from galpipe.configs import AffineAugmentation, SurveyAugmentation

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


BOX = (22.0, 24.0, 42.0, 40.0)


def scene() -> np.ndarray:
    """A bright bar to the right of the galaxy's centre, on a slope."""
    y, x = np.mgrid[:64, :64]
    image = np.stack([x, y, x + y], axis=2).astype(np.uint8)
    image[30:34, 34:40] = 250
    return image


def view(seed: int = 0, image: np.ndarray | None = None, **settings: Any) -> np.ndarray:
    return affine_view(
        np.random.default_rng(seed),
        scene() if image is None else image,
        BOX,
        size=30,
        margin=1.5,
        settings=AffineAugmentation(kind="affine", **settings),
        deviation=40.0,
    )


def light(picture: np.ndarray) -> tuple[float, float]:
    """Mean x and y of the bar in the view, in pixels from its middle."""
    y, x = np.nonzero(picture.min(axis=2) > 200)
    return x.mean() + 0.5 - 15, y.mean() + 0.5 - 15


def test_nothing_asked_is_the_crop_of_a_run() -> None:
    expected = frame(scene(), Framing(32, 32, 30), 30)
    np.testing.assert_array_equal(view(), expected)
    np.testing.assert_array_equal(view(seed=1), expected)


def test_shifts_stay_within_their_share_of_the_view() -> None:
    places = np.array([light(view(seed, shift_x=0.2, shift_y=0.1)) for seed in range(60)])
    assert places[:, 0].max() - places[:, 0].min() == pytest.approx(2 * 0.2 * 30, abs=1.5)
    assert places[:, 1].max() - places[:, 1].min() == pytest.approx(2 * 0.1 * 30, abs=1)


def test_turns_stay_within_their_angle() -> None:
    angles = [np.degrees(np.arctan2(*light(view(s, rotation=40))[::-1])) for s in range(60)]
    assert 32 < max(angles) < 42
    assert -42 < min(angles) < -32


def test_zoom_changes_width_and_height_each_by_itself() -> None:
    sizes = []
    for seed in range(60):
        y, x = np.nonzero(view(seed, zoom=0.2).min(axis=2) > 150)
        sizes.append((np.ptp(x) + 1, np.ptp(y) + 1))
    width, height = np.transpose(sizes)
    assert width.min() in (4, 5, 6)
    assert width.max() in (7, 8, 9)
    assert len(set(zip(width, height, strict=True))) > 3


def test_shear_moves_x_with_y() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:24, 30:34] = 255
    moved = [light(view(seed, image, shear=0.2)) for seed in range(60)]
    assert max(x for x, _ in moved) == pytest.approx(0.2 * 10, abs=0.7)
    assert {round(y) for _, y in moved} == {-10}


@pytest.mark.parametrize(("symmetry", "count"), [("none", 1), ("mirror", 2), ("square", 8)])
def test_flips_and_quarter_turns(symmetry: str, count: int) -> None:
    views = {view(seed, symmetry=symmetry).tobytes() for seed in range(80)}
    assert len(views) == count
    plain = view()
    turned = [np.rot90(plain, turns) for turns in range(4)]
    exact = [*turned, *(picture[:, ::-1] for picture in turned)]
    for content in views:
        found = np.frombuffer(content, np.uint8).reshape(plain.shape).astype(int)
        assert min(np.abs(found - one).max() for one in exact) <= 2


def test_noise_goes_up_to_a_fraction_of_the_deviation() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    strengths = np.array([view(seed, flat, noise=0.25).std() for seed in range(200)])
    assert strengths.min() < 0.5
    assert strengths.max() == pytest.approx(0.25 * 40, rel=0.05)
    assert strengths.mean() == pytest.approx(0.25 * 40 / 2, rel=0.1)
    assert view(0, flat).std() == 0


def test_beyond_the_image_the_nearest_pixel_is_repeated() -> None:
    image = np.full((64, 64, 3), 90, np.uint8)
    assert (view(0, image, rotation=180, shift_x=1, shift_y=1) == 90).all()


def test_the_deviation_is_that_of_all_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    images[0] //= 8
    assert pixel_deviation(images) == pytest.approx(images.std())
