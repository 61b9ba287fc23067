from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.detection.duplicates import drop_duplicates
from galpipe.imaging import Detections
from galpipe.imaging.background import smoothed_grey

Galaxy = tuple[float, float, float, float]  # x, y, exponential scale, peak
SIZE = 240
SPIRAL: Galaxy = (120, 120, 22, 200)


def picture(*galaxies: Galaxy, noise: float = 4, size: int = SIZE) -> np.ndarray:
    """Round exponential discs on a noisy sky."""
    y, x = np.mgrid[:size, :size] + 0.5
    light = sum(peak * np.exp(-np.hypot(x - u, y - v) / scale) for u, v, scale, peak in galaxies)
    sky = np.random.default_rng(3).normal(12, noise, (size, size, 3))
    return np.clip(sky + np.asarray(light)[..., np.newaxis], 0, 255).astype(np.uint8)


def kept(rgb: np.ndarray, *boxes: tuple[float, ...]) -> list[list[float]]:
    scores = np.linspace(0.9, 0.3, len(boxes))
    found = drop_duplicates(smoothed_grey(rgb), Detections(np.array(boxes, float), scores))
    assert (np.diff(found.scores) <= 0).all()
    return found.boxes.tolist()


WHOLE = (60.0, 58, 180, 182)


@pytest.mark.parametrize(
    "part",
    [
        (95, 95, 145, 145),  # the bulge
        (60, 60, 122, 178),  # a half
        (62, 60, 116, 118),  # a quarter, next to the nucleus
        (100, 60, 140, 180),  # the bar
    ],
)
def test_a_part_of_a_galaxy_is_not_another(part: tuple[float, ...]) -> None:
    rgb = picture(SPIRAL)
    assert kept(rgb, WHOLE, part) == [list(WHOLE)]
    assert kept(rgb, part, WHOLE) == [list(part)]  # with three times the score


def test_the_whole_is_preferred_to_a_part_with_a_slightly_better_score() -> None:
    found = Detections(np.array([(60, 60, 122, 178), WHOLE], float), np.array([0.99, 0.95]))
    assert drop_duplicates(smoothed_grey(picture(SPIRAL)), found).boxes.tolist() == [list(WHOLE)]


@pytest.mark.parametrize(
    ("galaxy", "box"),
    [
        ((150, 100, 3, 120), (142, 92, 158, 108)),  # a small galaxy in front of the disc
        ((165, 120, 10, 160), (140, 95, 190, 145)),  # a neighbour within the isophote
        ((128, 168, 18, 190), (84, 122, 172, 214)),  # a companion of the same size
    ],
)
def test_a_neighbour_is_kept(galaxy: Galaxy, box: tuple[float, ...]) -> None:
    assert kept(picture(SPIRAL, galaxy), WHOLE, box) == [list(WHOLE), list(box)]


def test_halves_without_the_whole_are_one_galaxy() -> None:
    left, right = (60, 60, 128, 180), (105, 60, 180, 180)
    assert kept(picture(SPIRAL), left, right) == [list(left)]


def test_boxes_side_by_side_are_not_compared() -> None:
    left, right = (60, 60, 120, 180), (120, 60, 180, 180)
    assert len(kept(picture(SPIRAL), left, right)) == 2


def test_a_saturated_nucleus_is_one_peak() -> None:
    rgb = picture((120, 120, 22, 1500))
    assert (rgb[118:122, 118:122] == 255).all()
    assert kept(rgb, (40, 40, 200, 200), (80, 85, 150, 155)) == [[40, 40, 200, 200]]


def test_without_light_nothing_is_decided() -> None:
    flat = np.full((SIZE, SIZE, 3), 90, np.uint8)
    assert len(kept(flat, WHOLE, (95, 95, 145, 145))) == 2
    assert kept(flat) == []


@given(
    magnification=st.floats(0.25, 2),
    gamma=st.floats(0.5, 1.5),
    brightness=st.floats(0.5, 1),
)
def test_neither_scale_nor_stretch_decides(
    magnification: float, gamma: float, brightness: float
) -> None:
    galaxies = [SPIRAL, (165.0, 120.0, 10.0, 160.0)]
    scaled = [
        (u * magnification, v * magnification, scale * magnification, peak)
        for u, v, scale, peak in galaxies
    ]
    rgb = picture(*scaled, noise=2, size=round(SIZE * magnification))
    stretched = (255 * brightness * (rgb / 255) ** gamma).astype(np.uint8)
    boxes = np.array([WHOLE, (140, 95, 190, 145), (85, 85, 155, 155)]) * magnification
    assert kept(stretched, *boxes) == boxes[:2].tolist()
