from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.detection.sampling import TileSampler
from galpipe.detection.views import LabelledImage

Labelled = Callable[..., LabelledImage]


@pytest.fixture
def cutouts(labelled: Labelled) -> list[LabelledImage]:
    return [labelled(f"c{i}", 140, 140, (70.0, 70.0, 25.0 + i), seed=i) for i in range(4)]


@pytest.fixture
def frames(labelled: Labelled) -> list[LabelledImage]:
    places = [(60.0, 60.0, 12.0), (200.0, 120.0, 16.0), (300.0, 60.0, 10.0)]
    return [labelled(f"f{i}", 360, 240, *places, seed=10 + i) for i in range(2)]


def _sampler(cutouts: list[LabelledImage], frames: list[LabelledImage]) -> TileSampler:
    return TileSampler(cutouts, frames, 64, (0.5, 1.5), 0.4)


def test_the_same_state_gives_the_same_tile(
    cutouts: list[LabelledImage], frames: list[LabelledImage]
) -> None:
    for seed in range(20):
        one, two = (_sampler(cutouts, frames).sample(np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.boxes, two.boxes)


@pytest.mark.parametrize("kinds", ["both", "cutouts", "frames"])
def test_boxes_hold_light_and_lie_in_the_tile(
    cutouts: list[LabelledImage], frames: list[LabelledImage], kinds: str
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


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        _sampler([], [])
