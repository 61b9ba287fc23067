from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.imaging.footprints import SkyBoxes, are_outlines, shared_fraction, unit_vectors

SIDE = 100.0  # pixels
PIXEL = 1e-6  # radians


def sky_box(
    box: list[float], angle: float = 0, zoom: float = 1, offset: tuple[float, float] = (0, 0)
) -> SkyBoxes:
    """A box in a gnomonic field about (10, 60), turned and with smaller pixels."""
    middle = unit_vectors(10.0, 60.0)
    east = np.cross([0, 0, 1], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = ((points - SIDE / 2) * PIXEL / zoom).T
        x, y = cosine * x - sine * y + offset[0] * PIXEL, sine * x + cosine * y + offset[1] * PIXEL
        vectors = middle - np.outer(x, east) + np.outer(y, north)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    boxes = np.array([box], dtype=float)
    corners = place(np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]]))
    centre = place((boxes[:, :2] + boxes[:, 2:]) / 2)
    return SkyBoxes(centre, boxes, corners[np.newaxis], np.array([[SIDE, SIDE]]))


@pytest.mark.parametrize("angle", [0, 30, 90, 180])
@pytest.mark.parametrize("zoom", [1, 2])
def test_one_place_in_fields_of_any_direction_and_scale_is_shared(
    angle: float, zoom: float
) -> None:
    first = sky_box([40, 40, 60, 60])
    half = 10 * zoom
    second = sky_box([50 - half, 50 - half, 50 + half, 50 + half], angle, zoom)
    assert shared_fraction(first, second) == pytest.approx([1], abs=1e-6)


def test_the_fraction_is_the_same_from_both_sides() -> None:
    first, second = sky_box([40, 40, 60, 60]), sky_box([30, 45, 60, 70], 20, 1.3, (5, -3))
    there, back = shared_fraction(first, second), shared_fraction(second, first)
    assert there == pytest.approx(back)
    assert 0.2 < there < 0.8
    assert shared_fraction(first, sky_box([70, 40, 90, 60])) == pytest.approx([0])


def test_what_one_field_does_not_show_does_not_count() -> None:
    # The second field begins 90 pixels farther along x and shows half of the box.
    whole, part = sky_box([80, 40, 100, 60]), sky_box([0, 40, 10, 60], offset=(90, 0))
    assert shared_fraction(whole, part) == pytest.approx([1], abs=1e-6)
    # Of a box that begins within both fields, it misses nothing.
    assert shared_fraction(sky_box([70, 40, 100, 60]), sky_box([0, 40, 5, 60], offset=(90, 0))) == (
        pytest.approx([0.5], abs=1e-6)
    )


def test_outlines_are_convex() -> None:
    square = unit_vectors([1.0, 0, 0, 1], [0.0, 0, 1, 1])
    around = unit_vectors([0.0, 90, 180, 270], [-89.0, 89, -89, 89])
    pole = unit_vectors([0.0, 90, 180, 270], [90.0] * 4)
    unknown = np.full((4, 3), np.nan)
    crossed = square[[0, 2, 1, 3]]
    found = are_outlines(np.stack([square, square[::-1], around, pole, unknown, crossed]))
    assert found.tolist() == [True, True, False, False, False, False]
