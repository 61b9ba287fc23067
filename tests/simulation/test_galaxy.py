from __future__ import annotations

import numpy as np
import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.simulation import draw_galaxy
from galpipe.simulation.galaxy import RECIPES, visible

CLASSES = range(len(GALAXY10_DECALS))


def extent(seen: np.ndarray) -> tuple[int, int]:
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    return int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def axis_ratio(light: np.ndarray) -> float:
    """Square root of the ratio of the second moments, minor over major."""
    weight = light / light.sum()
    y, x = np.indices(light.shape)
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    moments = [[(weight * x * x).sum(), (weight * x * y).sum()]] * 2
    moments[1] = [moments[0][1], (weight * y * y).sum()]
    small, large = np.linalg.eigvalsh(moments)
    return float(np.sqrt(small / large))


def test_there_is_a_recipe_for_each_class() -> None:
    names = [recipe.__name__ for recipe in RECIPES]

    assert len(RECIPES) == len(GALAXY10_DECALS)
    for word, class_id in [("merging", 1), ("cigar", 4), ("barred", 5), ("tight", 6), ("loose", 7)]:
        assert word in names[class_id]


@pytest.mark.parametrize("class_id", CLASSES)
@pytest.mark.parametrize("diameter", [22.0, 70.0])
def test_every_class_is_drawn_at_about_the_size_asked(class_id: int, diameter: float) -> None:
    sizes = []
    for seed in range(3):
        stamp = draw_galaxy(class_id, diameter, 0, 0, np.random.default_rng(seed))
        assert stamp.pixels.dtype == np.float32
        assert np.isfinite(stamp.pixels).all()
        assert stamp.pixels.min() > -1e-4
        sizes.append(max(extent(visible(stamp.pixels))))

    assert 0.55 * diameter < np.mean(sizes) < 1.25 * diameter


@pytest.mark.parametrize("class_id", CLASSES)
def test_the_stamp_holds_all_the_visible_light(class_id: int) -> None:
    stamp = draw_galaxy(class_id, 60, 0, 0, np.random.default_rng(8))

    seen = visible(stamp.pixels)

    assert not np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]]).any()


def test_shapes_follow_the_class() -> None:
    def shape(class_id: int) -> float:
        ratios = [
            axis_ratio(draw_galaxy(class_id, 60, 0, 0, np.random.default_rng(seed)).pixels[..., 1])
            for seed in range(4)
        ]
        return float(np.mean(ratios))

    round_one, between, cigar = shape(2), shape(3), shape(4)
    assert round_one > 0.85 > between > 0.45 > cigar
    assert shape(8) < 0.3


def test_ellipticals_are_redder_than_spirals() -> None:
    def colour(class_id: int) -> float:
        light = sum(
            draw_galaxy(class_id, 50, 0, 0, np.random.default_rng(seed)).pixels.sum(axis=(0, 1))
            for seed in range(6)
        )
        return float(2.5 * np.log10(light[1] / light[2]))

    assert 0.6 < colour(2) < 0.95
    assert 0.2 < colour(7) < 0.6


def test_distance_reddens() -> None:
    near, far = (
        draw_galaxy(3, 30, 0, 0, np.random.default_rng(1), redshift=z).pixels.sum(axis=(0, 1))
        for z in (0.0, 0.2)
    )

    assert 2.5 * np.log10(far[1] / far[2] / (near[1] / near[2])) == pytest.approx(0.32, abs=1e-3)


def test_a_galaxy_lies_where_it_was_put() -> None:
    stamp = draw_galaxy(2, 40, 103.7, 58.2, np.random.default_rng(3))
    light = stamp.pixels[..., 1]
    y, x = np.indices(light.shape) + 0.5

    assert stamp.left + (light * x).sum() / light.sum() == pytest.approx(103.7, abs=0.05)
    assert stamp.top + (light * y).sum() / light.sum() == pytest.approx(58.2, abs=0.05)
