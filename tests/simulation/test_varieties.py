from __future__ import annotations

import cv2
import numpy as np
import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.simulation.galaxy import Recipe
from galpipe.simulation.grid import Grid
from galpipe.simulation.profiles import blurred
from galpipe.simulation.varieties import VARIETIES

RADIUS = 36.0
RECIPES = [(c, recipe) for c, one in enumerate(VARIETIES) for _, recipe in one.recipes]


def drawn(recipe: Recipe, seed: int) -> np.ndarray:
    grid = Grid.around(150, 1)
    light = recipe(grid, RADIUS, np.random.default_rng(seed))
    # The convolution leaves rounding errors below zero.
    return np.maximum(blurred(light, grid, 3.0), 0)


def band(class_id: int, seed: int) -> np.ndarray:
    """The light in r of a galaxy of a class, of all its varieties in turn."""
    recipes = VARIETIES[class_id].recipes
    return drawn(recipes[seed % len(recipes)][1], seed)[..., 1]


def axis_ratio(light: np.ndarray) -> float:
    y, x = np.indices(light.shape) - (light.shape[0] - 1) / 2
    moments = np.cov(np.stack([x.ravel(), y.ravel()]), aweights=light.ravel())
    small, large = np.linalg.eigvalsh(moments)
    return float(np.sqrt(small / large))


def asymmetry(light: np.ndarray) -> float:
    """Light that differs from the picture turned by half a turn about its brightest pixel."""
    y, x = np.unravel_index(int(light.argmax()), light.shape)
    half = min(y, x, light.shape[0] - 1 - y, light.shape[1] - 1 - x)
    part = light[y - half : y + half + 1, x - half : x + half + 1]
    return float(np.abs(part - part[::-1, ::-1]).sum() / part.sum())


def peaks(light: np.ndarray) -> int:
    smooth = cv2.GaussianBlur(light, (0, 0), 2.0)
    tops = smooth >= cv2.dilate(smooth, np.ones((11, 11)))
    # A peak between pixels is several equal ones.
    return cv2.connectedComponents((tops & (smooth > 0.2 * smooth.max())).astype(np.uint8))[0] - 1


def test_every_class_has_varieties() -> None:
    assert len(VARIETIES) == len(GALAXY10_DECALS)
    assert all(one.recipes and one.smallest >= 4 for one in VARIETIES)


@pytest.mark.parametrize(("class_id", "recipe"), RECIPES)
def test_a_variety_draws_light_of_about_the_radius(class_id: int, recipe: Recipe) -> None:
    light = drawn(recipe, class_id)
    assert light.shape == (150, 150, 3)
    assert np.isfinite(light).all()
    y, x = np.indices((150, 150)) - 74.5
    inside = np.hypot(x, y) < 1.3 * RADIUS
    assert light[inside].sum() > 0.75 * light.sum()


def test_axis_ratios_follow_the_class() -> None:
    ratios = [np.mean([axis_ratio(band(c, seed)) for seed in range(4)]) for c in (2, 3, 4, 8)]

    assert ratios[0] > 0.85 > ratios[1] > 0.45 > ratios[2] > 0.25 > ratios[3]


def test_disturbed_galaxies_are_less_symmetric_than_smooth_ones() -> None:
    disturbed = [asymmetry(band(0, seed)) for seed in range(8)]
    smooth = [asymmetry(band(3, seed)) for seed in range(8)]

    assert np.median(disturbed) > 3 * np.median(smooth)


def test_most_merging_galaxies_have_two_nuclei() -> None:
    merging = np.mean([peaks(band(1, seed)) >= 2 for seed in range(12)])
    round_ones = np.mean([peaks(band(2, seed)) == 1 for seed in range(12)])

    assert merging > 0.6
    assert round_ones == 1


def test_the_bulge_of_an_edge_on_disc_stands_out() -> None:
    def bulge_over_disc(class_id: int, seed: int) -> float:
        light = band(class_id, seed)
        y, x = np.indices(light.shape) - 74.5
        moments = np.cov(np.stack([x.ravel(), y.ravel()]), aweights=light.ravel())
        along, down = np.linalg.eigh(moments)[1][:, 1]
        distance = np.abs(x * along + y * down)
        inside = light > 0.1 * light.max()
        return float((inside & (distance < 4)).sum() / (inside & (np.abs(distance - 14) < 2)).sum())

    without, bulge = (np.mean([bulge_over_disc(c, seed) for seed in range(6)]) for c in (8, 9))

    assert bulge > 1.3 * without


def test_varieties_are_drawn_by_their_weights() -> None:
    one = VARIETIES[6]
    chosen = [one.draw(np.random.default_rng(seed)).__name__ for seed in range(60)]

    assert len(set(chosen)) == len(one.recipes)
    assert chosen.count("tight_spiral") < 20
