from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.crops import central_box, centremost


def disc(size: int, x: float, y: float, radius: float, level: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    picture = rng.normal(20, 2, (size, size, 3))
    yy, xx = np.mgrid[:size, :size] + 0.5
    picture[(xx - x) ** 2 + (yy - y) ** 2 < radius**2] = level
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 192, 424])
def test_the_box_of_a_disc_is_its_own(size: int) -> None:
    radius = size / 6
    box = central_box(disc(size, size / 2 + 2, size / 2 - 1, radius))
    expected = [size / 2 + 2 - radius, size / 2 - 1 - radius, size / 2 + 2 + radius]
    np.testing.assert_allclose(box[:3], expected, atol=0.03 * size)


def test_an_object_beside_the_centre_is_not_taken() -> None:
    box = central_box(disc(100, 20, 20, 8))
    assert box.tolist() == [0, 0, 100, 100]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_tiny_and_empty_pictures_give_the_whole(size: int) -> None:
    assert central_box(np.zeros((size, size, 3), np.uint8)).tolist() == [0, 0, size, size]


def test_of_several_boxes_the_one_nearest_to_the_centre() -> None:
    boxes = np.array([[0, 0, 100, 60], [45, 45, 60, 58], [0, 0, 20, 20]], float)
    assert centremost(boxes, 100, 100).tolist() == [45, 45, 60, 58]
    assert centremost(boxes[2:], 100, 100) is None
    assert centremost(np.empty((0, 4)), 100, 100) is None
