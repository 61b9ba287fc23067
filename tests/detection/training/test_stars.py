from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.detection.training.stars import crowd, glare, trail
from galpipe.detection.training.training_tiles import TrainingTile

Tile = Callable[..., TrainingTile]


def _light(before: TrainingTile, after: TrainingTile) -> np.ndarray:
    return (after.image.astype(int) - before.image).mean(axis=2)


def _peaks(light: np.ndarray) -> int:
    around = np.stack(
        [np.roll(light, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    )
    return int((light > np.maximum(around.max(axis=0), 3)).sum())


def test_a_crowd_is_many_points_of_light(tile: Tile) -> None:
    dark = tile(128)
    counts = []
    for seed in range(20):
        after = crowd(dark, 1.0, np.random.default_rng(seed))
        assert after.image.dtype == np.uint8
        assert len(after.boxes) == 0
        light = _light(dark, after)
        assert (light >= 0).all()
        counts.append(_peaks(light))
    assert max(counts) > 100
    assert np.median(counts) > 20


def test_a_crowd_of_a_shrunk_frame_is_denser(tile: Tile) -> None:
    dark = tile(128)

    def median_peaks(scale: float) -> float:
        tiles = (crowd(dark, scale, np.random.default_rng(seed)) for seed in range(9))
        return float(np.median([_peaks(_light(dark, after)) for after in tiles]))

    native, halved = median_peaks(1.0), median_peaks(0.5)
    assert halved > 1.5 * native


def test_an_object_behind_stars_is_undecided_and_one_in_the_clear_stays(tile: Tile) -> None:
    boxes = [[float(x), float(y), x + 12.0, y + 12.0] for x in (4, 50, 100) for y in (4, 50, 100)]
    hidden = kept = 0
    for seed in range(20):
        before = tile(128, boxes=boxes, ignored=[[0, 0, 3, 3]])
        after = crowd(before, 1.0, np.random.default_rng(seed))
        light = _light(before, after)
        assert len(after.boxes) == len(after.class_ids)
        everything = np.concatenate([after.boxes, after.ignored])
        assert sorted(map(tuple, everything)) == sorted([*map(tuple, boxes), (0, 0, 3, 3)])
        for x0, y0, x1, y1 in after.boxes.astype(int):
            assert light[y0:y1, x0:x1].mean() < 5
        hidden, kept = hidden + len(after.ignored) - 1, kept + len(after.boxes)
    assert hidden > 20
    assert kept > 20


def test_a_glaring_star_is_bright_has_wings_and_touches_no_object(tile: Tile) -> None:
    added = 0
    for seed in range(20):
        before = tile(160, boxes=[[60, 60, 100, 100]], cut=[[0, 0, 20, 20]])
        after = glare(before, 1.0, np.random.default_rng(seed))
        np.testing.assert_array_equal(after.boxes, before.boxes)
        light = _light(before, after)
        if light.any():
            added += 1
            assert after.image.max() == 255
            y, x = np.unravel_index(light.argmax(), light.shape)
            assert not (60 <= x < 100 and 60 <= y < 100)
            assert (light > 2).sum() > 100
    assert added > 10


def test_a_glaring_star_finds_no_place_on_a_full_tile(tile: Tile) -> None:
    full = tile(64, boxes=[[0, 0, 64, 64]])
    assert glare(full, 1.0, np.random.default_rng(0)) is full


def test_a_trail_is_a_thin_straight_line(tile: Tile) -> None:
    dark = tile(160)
    shares, lengths = [], []
    for seed in range(30):
        after = trail(dark, 1.0, np.random.default_rng(seed))
        light = _light(dark, after)
        assert (light >= 0).all()
        y, x = np.nonzero(light >= 0.5 * light.max())
        spread = np.sqrt(np.linalg.eigvalsh(np.cov(np.stack([x, y]), bias=True)))
        assert spread[0] < 3, "wider than the seeing"
        lengths.append(np.ptp(np.hypot(x - x[0], y - y[0])) if len(x) else 0)
        shares.append((light > 1).mean())
    assert max(lengths) > 120, "none crosses the tile"
    assert min(lengths) < 40, "all cross the tile"
    assert 0 < np.median(shares) < 0.2


def test_a_trail_hides_what_it_outshines_and_no_more(tile: Tile) -> None:
    boxes = [[float(x), float(y), x + 10.0, y + 10.0] for x in range(5, 150, 20) for y in (9, 90)]
    hidden = 0
    for seed in range(20):
        before = tile(160, boxes=boxes)
        after = trail(before, 1.0, np.random.default_rng(seed))
        light = _light(before, after)
        assert len(after.boxes) + len(after.ignored) == len(boxes)
        assert len(after.boxes) >= len(boxes) / 2
        for x0, y0, x1, y1 in after.boxes.astype(int):
            assert light[y0:y1, x0:x1].mean() < 5
        hidden += len(after.ignored)
    assert hidden > 5


@pytest.mark.parametrize("draw", [crowd, glare, trail])
def test_the_same_state_gives_the_same_stars(tile: Tile, draw: Callable[..., TrainingTile]) -> None:
    one, two = (draw(tile(96), 0.7, np.random.default_rng(4)).image for _ in range(2))
    np.testing.assert_array_equal(one, two)
