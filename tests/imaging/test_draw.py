from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from galpipe.imaging import Detections, draw_overlay, to_display
from galpipe.imaging.draw import PALETTE

NIGHT = np.zeros((1000, 1200, 3), np.uint8)


def many(count: int) -> Detections:
    chance = np.random.default_rng(0)
    corner = chance.uniform(20, 950, (count, 2))
    return Detections(
        np.hstack([corner, corner + chance.uniform(10, 40, (count, 2))]),
        chance.uniform(0.3, 1, count),
        chance.integers(0, 10, count),
    )


def test_lower_origin_is_turned_over() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(4, 1, 3)
    assert_array_equal(to_display(picture, "lower"), picture[::-1])
    assert_array_equal(to_display(picture, "upper"), picture)


def test_a_box_surrounds_its_galaxy_in_the_colour_of_its_class() -> None:
    galaxy = NIGHT.copy()
    galaxy[300:340, 400:460] = 77
    found = Detections([[400, 300, 460, 340]], [0.9], [5])
    drawn = draw_overlay(galaxy, found)
    assert drawn.shape == galaxy.shape
    assert_array_equal(drawn[300:340, 400:460], galaxy[300:340, 400:460])
    assert (drawn == PALETTE[5]).all(axis=2).sum() > 150
    assert not galaxy[290:300].any()


def test_labels_do_not_cover_galaxies_and_a_legend_follows() -> None:
    galaxy = NIGHT.copy()
    boxes = np.array([[400, 300, 460, 340], [420, 350, 480, 390], [440, 260, 470, 292]])
    for xmin, ymin, xmax, ymax in boxes:
        galaxy[ymin:ymax, xmin:xmax] = 77
    labels = ["Barred Spiral Galaxies 0.91", "Merging Galaxies 0.52", "Merging Galaxies 0.40"]
    drawn = draw_overlay(galaxy, Detections(boxes, [0.9, 0.8, 0.7], [5, 1, 1]), labels)
    for xmin, ymin, xmax, ymax in boxes:
        assert (drawn[ymin:ymax, xmin:xmax] == 77).all()
    assert drawn.shape[0] > galaxy.shape[0]
    assert drawn.shape[1:] == galaxy.shape[1:]


def test_small_pictures_are_enlarged() -> None:
    small = np.zeros((424, 424, 3), np.uint8)
    assert draw_overlay(small, Detections.empty()).shape == (848, 848, 3)
    assert draw_overlay(small, Detections.empty(), zoom=1).shape == (424, 424, 3)
    corner = Detections([[0, 0, 424, 424]], [0.9])
    assert draw_overlay(small, corner, ["Disturbed Galaxies 0.9"]).any()


@pytest.mark.parametrize("count", [0, 3, 61, 600])
def test_crowds(count: int) -> None:
    found = many(count)
    drawn = draw_overlay(NIGHT, found, [f"Round Smooth Galaxies {s:.2f}" for s in found.scores])
    assert drawn.shape[0] >= NIGHT.shape[0]
    assert not NIGHT.any()


def test_number_of_labels_must_match() -> None:
    with pytest.raises(ValueError, match="3 detections"):
        draw_overlay(NIGHT, many(3), ["a"])


def test_broken_lines_show_what_is_under_them() -> None:
    found = Detections([[100, 100, 300, 200], [400, 300, 460, 340]], [0.9, 0.9], [5, 1])
    whole = draw_overlay(NIGHT, found)
    broken = draw_overlay(NIGHT, found, dashed=np.array([True, False]))
    drawn, left = ((picture == PALETTE[5]).all(axis=2).sum() for picture in (whole, broken))
    assert 0.4 * drawn < left < 0.6 * drawn
    assert_array_equal(whole[290:350], broken[290:350])


def test_the_legend_can_be_left_out() -> None:
    found = many(3)
    assert draw_overlay(NIGHT, found, ["spiral"] * 3, legend=False).shape == NIGHT.shape


def test_the_legend_counts_doubtful_classes_with_the_others() -> None:
    found = Detections([[100, 100, 300, 200], [400, 300, 460, 340]], [0.9, 0.9], [5, 5])
    sure = draw_overlay(NIGHT, found, ["spiral 0.60", "spiral 0.40"])
    doubtful = draw_overlay(NIGHT, found, ["spiral 0.60", "spiral? 0.40"])
    assert_array_equal(sure[len(NIGHT) :], doubtful[len(NIGHT) :])
    assert (sure != doubtful).any()


# Machado et al. (2009), table 1, severity 1: linear RGB as people see it who lack one kind of cone.
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
TRITANOPIA = [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.303900],
]


@pytest.mark.parametrize("sight", [np.eye(3), PROTANOPIA, DEUTERANOPIA, TRITANOPIA])
def test_the_colour_blind_can_tell_the_classes(sight: list[list[float]]) -> None:
    levels = np.array(PALETTE[:10], np.float32) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(sight, np.float32).T, 0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    colours = cv2.cvtColor(encoded[None].astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    differences = np.linalg.norm(colours[:, None] - colours, axis=2)
    assert differences[np.triu_indices(10, 1)].min() > 21
    assert colours[:, 0].min() > 50
