from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.detection.artefacts import drop_artefacts
from galpipe.imaging import Detections
from galpipe.imaging.background import smoothed_grey

SIZE = 200
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5


def picture(light: np.ndarray) -> np.ndarray:
    sky = np.random.default_rng(5).normal(12, 3, (SIZE, SIZE, 3))
    return np.clip(sky + light[..., np.newaxis], 0, 255).astype(np.uint8)


def kept(light: np.ndarray, *boxes: tuple[float, ...]) -> list[list[float]]:
    found = Detections(np.array(boxes, float).reshape(-1, 4), np.full(len(boxes), 0.9))
    return drop_artefacts(smoothed_grey(picture(light)), found).boxes.tolist()


def line(angle: float, width: float = 2.0, height: float = 60.0) -> np.ndarray:
    """Light along a straight line through the middle of the picture, at an angle in degrees."""
    across = (X - 100) * np.sin(np.radians(angle)) - (Y - 100) * np.cos(np.radians(angle))
    return height * np.exp(-((across / width) ** 2) / 2)


def galaxy(x: float, y: float, scale: float, peak: float, ratio: float = 1.0) -> np.ndarray:
    return peak * np.exp(-np.hypot((X - x) / scale, (Y - y) / (scale * ratio)))


@given(st.integers(0, 179))
def test_a_piece_of_a_trail_is_dropped(angle: int) -> None:
    across = 6 + 24 * abs(np.cos(np.radians(angle)))
    down = 6 + 24 * abs(np.sin(np.radians(angle)))
    assert kept(line(angle), (100 - across, 100 - down, 100 + across, 100 + down)) == []


def test_a_spike_that_fades_is_dropped() -> None:
    spike = line(20) * np.exp(-np.hypot(X - 40, Y - 78) / 60)
    assert kept(spike, (80, 86, 130, 118)) == []


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.15])
def test_galaxies_are_kept(ratio: float) -> None:
    box = [70.0, 100 - 30 * ratio - 4, 130, 100 + 30 * ratio + 4]
    assert kept(galaxy(100, 100, 9, 150, ratio), tuple(box)) == [box]


def test_a_galaxy_on_a_trail_is_kept() -> None:
    box = [80.0, 80, 120, 120]
    assert kept(line(30, height=25) + galaxy(100, 100, 6, 180), tuple(box)) == [box]


def test_a_galaxy_beside_a_brighter_star_is_kept() -> None:
    star = 250 * np.exp(-((X - 118) ** 2 + (Y - 100) ** 2) / 2 / 5**2)
    box = [80.0, 80, 118, 120]
    assert kept(galaxy(100, 100, 7, 90) + star, tuple(box)) == [box]


def test_an_edge_on_galaxy_under_a_star_is_kept() -> None:
    along, across = (X - 100) + (Y - 100) / 4, (Y - 100) - (X - 100) / 4
    disc = 120 * np.exp(-((along / 18) ** 2) / 2 - ((across / 3) ** 2) / 2)
    star = 255 * np.exp(-((X - 122) ** 2 + (Y - 109) ** 2) / 2 / 6**2)
    box = [68.0, 85, 124, 111]
    assert kept(disc + star, tuple(box)) == [box]


@pytest.mark.parametrize("turns", range(4))
def test_a_galaxy_cut_by_the_edge_of_the_picture_is_kept(turns: int) -> None:
    light = np.rot90(galaxy(100, 0, 9, 150, 0.5), turns)
    box = np.array([70.0, 0, 130, 20])
    for _ in range(turns):
        box = np.array([box[1], SIZE - box[2], box[3], SIZE - box[0]])
    assert kept(light, tuple(box)) == [box.tolist()]


def test_dark_boxes_and_no_boxes_are_returned() -> None:
    dark = np.zeros((SIZE, SIZE))
    assert kept(dark) == []
    found = Detections(np.array([[20.0, 20, 60, 60]]), np.array([0.5]))
    assert len(drop_artefacts(np.zeros((SIZE, SIZE), np.float32), found)) == 1


def test_order_and_scores_are_kept() -> None:
    rgb = picture(line(0) + galaxy(60, 50, 6, 180))
    boxes = np.array([[120.0, 90, 160, 110], [40, 30, 80, 70]])
    found = drop_artefacts(smoothed_grey(rgb), Detections(boxes, np.array([0.9, 0.4])))
    assert found.boxes.tolist() == [boxes[1].tolist()]
    assert found.scores.tolist() == [0.4]


@given(st.tuples(*[st.floats(0, SIZE - 1)] * 2), st.tuples(*[st.floats(0.5, SIZE)] * 2))
def test_any_box_inside_the_picture_is_judged(
    corner: tuple[float, float], size: tuple[float, float]
) -> None:
    end = np.minimum(np.add(corner, size), SIZE)
    box = np.array([[*corner, *end]])
    light = cv2.GaussianBlur(line(77), (0, 0), 1)
    assert len(drop_artefacts(smoothed_grey(picture(light)), Detections(box, np.ones(1)))) <= 1
