from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.detection.training.training_tiles import (
    TrainingImage,
    assemble,
    mirror_image,
    transpose_image,
    turn,
    view,
)

Labelled = Callable[..., TrainingImage]
Brightest = Callable[[np.ndarray], tuple[float, float]]


def _inside(point: tuple[float, float], box: np.ndarray) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    x=st.integers(-20, 30),
    y=st.integers(-20, 30),
    side=st.integers(100, 160),
    quarters=st.integers(0, 3),
    mirror=st.booleans(),
)
def test_the_light_stays_in_its_box(
    labelled: Labelled,
    brightest: Brightest,
    x: int,
    y: int,
    side: int,
    quarters: int,
    mirror: bool,
) -> None:
    image = labelled("one", 150, 130, (70.0, 60.0, 14.0))
    tile = turn(view(image, (x, y), (side, side), (96, 96)), quarters, mirror)
    assert tile.image.shape == (96, 96, 3)
    (box,) = tile.boxes
    point = brightest(tile.image)
    assert _inside(point, box)
    # In the middle, not merely inside.
    assert np.hypot(point[0] - box[[0, 2]].mean(), point[1] - box[[1, 3]].mean()) < 3


@pytest.mark.parametrize("reflect", [mirror_image, transpose_image])
def test_a_reflected_image_keeps_its_light_in_its_box(
    labelled: Labelled, brightest: Brightest, reflect: Callable[[TrainingImage], TrainingImage]
) -> None:
    image = labelled("one", 150, 130, (70.0, 40.0, 14.0))
    reflected = reflect(image)
    assert np.shares_memory(reflected.rgb, image.rgb)
    (box,) = reflected.boxes
    x, y = brightest(reflected.rgb)
    assert np.hypot(x - box[[0, 2]].mean(), y - box[[1, 3]].mean()) < 3
    again = reflect(reflected)
    np.testing.assert_array_equal(again.rgb, image.rgb)
    np.testing.assert_allclose(again.boxes, image.boxes)


def test_outside_the_image_is_its_median_colour(labelled: Labelled) -> None:
    image = labelled("one", 60, 60)
    tile = view(image, (-40, 0), (100, 60), (100, 60))
    assert (tile.image[:, :40] == tile.image[0, 0]).all()
    np.testing.assert_array_equal(tile.image[:, 40:], image.rgb)


@pytest.mark.parametrize(
    ("x", "kept", "cut"),
    [(0, 1, 0), (46, 1, 0), (68, 1, 0), (72, 0, 1), (85, 0, 0)],
)
def test_an_object_is_learnt_as_long_as_enough_of_it_is_inside(
    labelled: Labelled, x: int, kept: int, cut: int
) -> None:
    image = replace(
        labelled("one", 200, 200, (60.0, 60.0, 20.0)), boxes=np.array([[40.0, 40.0, 80.0, 80.0]])
    )
    tile = view(image, (x, 0), (100, 100), (100, 100))
    assert (len(tile.boxes), len(tile.cut)) == (kept, cut)
    assert tile.boxes.tolist() == [[max(40 - x, 0), 40, 80 - x, 80]][:kept]


def test_a_small_part_of_an_object_is_no_object(labelled: Labelled) -> None:
    image = replace(
        labelled("one", 200, 200, (60.0, 60.0, 20.0)), boxes=np.array([[40.0, 40.0, 56.0, 56.0]])
    )
    tile = view(image, (48, 0), (100, 100), (100, 100))
    assert (len(tile.boxes), len(tile.cut)) == (0, 1)


def test_what_gets_too_small_is_undecided(labelled: Labelled) -> None:
    image = replace(
        labelled("one", 200, 200, (60.0, 60.0, 20.0)), boxes=np.array([[40.0, 40.0, 80.0, 80.0]])
    )
    tile = view(image, (0, 0), (200, 200), (50, 50))
    np.testing.assert_allclose(tile.ignored, [[10, 10, 20, 20]])
    assert len(tile.boxes) == 0


def test_views_are_laid_side_by_side(labelled: Labelled, brightest: Brightest) -> None:
    left = view(labelled("a", 64, 64), (0, 0), (64, 64), (64, 64))
    right = view(labelled("b", 64, 64, (32.0, 32.0, 12.0)), (0, 0), (64, 64), (64, 64))
    tile = assemble([left, right, left, left], [(0, 0), (64, 0), (0, 64), (64, 64)], 128)
    (box,) = tile.boxes
    assert _inside(brightest(tile.image), box)
    assert box[0] > 64
