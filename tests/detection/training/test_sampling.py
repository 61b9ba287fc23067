from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from galpipe.detection.training.sampling import TileSampler
from galpipe.detection.training.training_tiles import TrainingImage

Labelled = Callable[..., TrainingImage]


@pytest.fixture
def cutouts(labelled: Labelled) -> list[TrainingImage]:
    return [labelled(f"c{i}", 140, 140, (70.0, 70.0, 25.0 + i), seed=i) for i in range(4)]


@pytest.fixture
def frames(labelled: Labelled) -> list[TrainingImage]:
    places = [(60.0, 60.0, 12.0), (200.0, 120.0, 16.0), (300.0, 60.0, 10.0)]
    return [labelled(f"f{i}", 360, 240, *places, seed=10 + i) for i in range(2)]


def _sampler(cutouts: list[TrainingImage], frames: list[TrainingImage]) -> TileSampler:
    return TileSampler(cutouts, frames, 64, (0.5, 1.5), 0.4)


def test_the_same_state_gives_the_same_tile(
    cutouts: list[TrainingImage], frames: list[TrainingImage]
) -> None:
    for seed in range(20):
        one, two = (_sampler(cutouts, frames).sample(np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.boxes, two.boxes)


@pytest.mark.parametrize("kinds", ["both", "cutouts", "frames"])
def test_boxes_hold_light_and_lie_in_the_tile(
    cutouts: list[TrainingImage], frames: list[TrainingImage], kinds: str
) -> None:
    sampler = _sampler(cutouts if kinds != "frames" else [], frames if kinds != "cutouts" else [])
    rng = np.random.default_rng(3)
    brighter = []
    for _ in range(150):
        tile = sampler.sample(rng)
        assert tile.image.shape == (64, 64, 3)
        assert tile.image.dtype == np.uint8
        assert (tile.boxes >= 0).all()
        assert (tile.boxes <= 64).all()
        grey = tile.image.astype(float).mean(axis=2)
        for xmin, ymin, xmax, ymax in tile.boxes:
            x, y = int((xmin + xmax) / 2), int((ymin + ymax) / 2)
            brighter.append(grey[y, x] > np.median(grey) + 10)
    assert len(brighter) > 50
    # All but objects that a tile's edge cuts near their middle, or that fill the tile.
    assert np.mean(brighter) > 0.9


def _reddened(image: TrainingImage, *rows: int) -> TrainingImage:
    """Make some objects of an image red, and of the second class."""
    rgb, class_ids = image.rgb.copy(), image.class_ids.copy()
    for row in rows:
        xmin, ymin, xmax, ymax = image.boxes[row].astype(int)
        rgb[ymin : ymax + 1, xmin : xmax + 1, 1:] = 0
        class_ids[row] = 1
    return replace(image, rgb=rgb, class_ids=class_ids)


def test_objects_keep_their_class_and_the_rare_are_not_crowded_out(labelled: Labelled) -> None:
    places = [(30.0 + 40 * i, 40.0 + 60 * j, 10.0) for i in range(8) for j in range(2)]
    frames = [_reddened(labelled("f", 360, 140, *places), 3)]
    cutouts = [_reddened(labelled("c", 140, 140, (70.0, 70.0, 25.0)), 0)]
    sampler = TileSampler(cutouts, frames, 64, (0.5, 1.5), 0.5)
    rng = np.random.default_rng(5)
    rare, right = 0, []
    for _ in range(120):
        tile = sampler.sample(rng)
        rare += 1 in tile.class_ids
        for (xmin, ymin, xmax, ymax), class_id in zip(tile.boxes, tile.class_ids, strict=True):
            red, green, _ = tile.image[int((ymin + ymax) / 2), int((xmin + xmax) / 2)].astype(int)
            right.append((red > 1.5 * green) == (class_id == 1))
    assert len(right) > 60
    # All but some that changes of colour, stars and trails paint over.
    assert np.mean(right) > 0.85
    assert rare > 30, "one object in sixteen, but one class of two"


def test_stars_are_drawn_only_where_they_are_background(labelled: Labelled) -> None:
    dark = [labelled("f", 200, 200)]
    for drawn in (True, False):
        sampler = TileSampler([], dark, 64, (0.5, 1.5), 0.0, draw_stars=drawn)
        rng = np.random.default_rng(0)
        brightest = [sampler.sample(rng).image.max() for _ in range(40)]
        assert (max(brightest) > 200) == drawn


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        _sampler([], [])
