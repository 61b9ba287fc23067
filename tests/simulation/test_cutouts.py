from __future__ import annotations

import math

import numpy as np
import pytest

from galpipe.simulation.cutouts import draw_scene
from galpipe.simulation.surveys import SURVEYS
from galpipe.simulation.varieties import VARIETIES


@pytest.mark.parametrize("name", SURVEYS)
@pytest.mark.parametrize("class_id", [2, 6, 8])
def test_a_scene_is_a_galaxy_in_the_middle(name: str, class_id: int) -> None:
    survey = SURVEYS[name]
    for seed in range(3):
        scene = draw_scene(class_id, survey, 96, np.random.default_rng(seed), alone=True)
        light = scene.light[..., 1]
        height, width = light.shape
        assert height == width <= 96
        # No finer than the survey's pixels, rounded up to whole ones.
        assert scene.scale > 0.95 * survey.pixel_scale
        assert survey.seeing[0] <= scene.seeing <= survey.seeing[1]
        assert scene.diameter >= VARIETIES[class_id].smallest * scene.seeing
        assert scene.diameter < scene.scale * width
        y, x = np.indices(light.shape)
        centre = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        assert math.dist(centre, (width / 2, width / 2)) < 0.15 * width


def test_other_objects_only_add_light() -> None:
    brighter = 0
    for seed in range(8):
        alone, crowded = (
            draw_scene(2, SURVEYS["kids"], 64, np.random.default_rng(seed), alone=alone).light
            for alone in (True, False)
        )
        assert (crowded - alone).min() > -1e-3
        brighter += bool(crowded.sum() > alone.sum() * 1.001)
    assert brighter >= 3
