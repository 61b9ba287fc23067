from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galpipe.classification.training.affine import affine_view, pixel_deviation
from galpipe.classification.training.augmentation import Framing, frame, survey_view
from galpipe.configs import AffineAugmentation, Augmentation, SurveyAugmentation

pytestmark = pytest.mark.tensorflow

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


def test_a_part_of_the_crop_fills_the_view() -> None:
    y, x = np.mgrid[:64, :64]
    image = np.stack([4 * x, 4 * y, 0 * x], axis=2).astype(np.uint8)
    parts = []
    for seed in range(200):
        shown = view(seed, image, resized_crop=0.1).astype(float)
        # The slope of the view over that of the crop is the side of the part.
        width, height = np.ptp(shown[..., 0]) / 4 / 30, np.ptp(shown[..., 1]) / 4 / 30
        parts.append((width, height))
        middle = [(shown[..., i].min() / 4 - 17, shown[..., i].max() / 4 - 17) for i in (0, 1)]
        assert all(low - 1 <= 15 <= high + 1 for low, high in middle)
        assert all(low >= -1 and high <= 31 for low, high in middle)
    width, height = np.transpose(parts)
    assert 0.08 < (width * height).min() < 0.16
    assert (width * height).max() > 0.85
    inner = np.maximum(width, height) < 0.9
    assert 1.2 < (width / height)[inner].max() < 1.45
    assert 0.69 < (width / height)[inner].min() < 0.83


PUBLISHED = AffineAugmentation(
    kind="affine",
    rotation=40,
    shift_x=0.2,
    shift_y=0.1,
    shear=0.2,
    zoom=0.2,
    symmetry="mirror",
)


@pytest.mark.parametrize(
    "settings",
    [
        SurveyAugmentation(),
        PUBLISHED,
        AffineAugmentation(kind="affine", resized_crop=0.08, symmetry="mirror"),
        PUBLISHED.model_copy(update={"resized_crop": 0.08, "noise": 0.2}),
    ],
    ids=["survey", "affine", "resized crop", "all"],
)
@pytest.mark.parametrize("sky", [0, 40])
@pytest.mark.parametrize("place", [(32.0, 32.0), (4.0, 58.0)])
def test_no_view_is_black(settings: Augmentation, sky: int, place: tuple[float, float]) -> None:
    y, x = np.mgrid[:64, :64] + 0.5
    galaxy = 150 * np.exp(-np.hypot(x - place[0], y - place[1]) / 5)
    image = np.repeat((sky + galaxy)[..., None], 3, axis=2).astype(np.uint8)
    box = (place[0] - 12, place[1] - 12, place[0] + 12, place[1] + 12)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        if isinstance(settings, SurveyAugmentation):
            shown = survey_view(rng, image, box, 32, 1.5, settings)
        else:
            shown = affine_view(rng, image, box, 32, 1.5, settings, deviation=20.0)
        assert shown.max() > sky + 40
        assert shown.std() > 2
