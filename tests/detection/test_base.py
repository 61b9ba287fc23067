from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.detection.base import galaxy_classes, star_classes
from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field
from galpipe.imaging import read_field


def test_a_detector_takes_fields_of_any_kind_and_size(
    tmp_path: Path, tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    rgb = squares(200, 120, (16, 16), (96, 64))
    path = tmp_path / "field.png"
    cv2.imwrite(str(path), rgb)
    detector = load_detector(tiny_detector_bundle)
    expected = detect_field(rgb, detector)
    for field in (rgb, path, str(path), read_field(path), read_field(rgb)):
        found = detector.detect(field)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)
    assert len(detector.detect(rgb, 1.0)) < len(expected)


def test_a_detector_is_pickled_as_its_path(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    detector = load_detector(tiny_detector_bundle)
    content = pickle.dumps(detector)
    assert len(content) < 1000
    again = pickle.loads(content)
    assert pickle.loads(content) is again, "opened once per process"
    rgb = squares(100, 100, (16, 16))
    np.testing.assert_array_equal(again.detect(rgb).boxes, detector.detect(rgb).boxes)


@pytest.mark.parametrize(
    ("names", "galaxies"),
    [
        (["galaxy"], ["galaxy"]),
        (["star"], ["star"]),  # one class needs no name
        (["galaxy", "star"], ["galaxy"]),
        (["STAR", "Galaxy", "trail"], ["Galaxy"]),
        (
            ["spiral_galaxy", "Elliptical Galaxies", "stars"],
            ["spiral_galaxy", "Elliptical Galaxies"],
        ),
        (["spiral", "elliptical", "bright star"], ["spiral", "elliptical"]),
        (["starburst galaxy", "star"], ["starburst galaxy"]),
        (["FR-I", "FR-II", "FR-X", "R"], ["FR-I", "FR-II", "FR-X", "R"]),
        (["class 1", "class 2"], ["class 1", "class 2"]),
        (["star", "star cluster"], []),
    ],
)
def test_galaxies_are_known_by_name(names: list[str], galaxies: list[str]) -> None:
    assert list(galaxy_classes(names)) == galaxies


def test_stars_are_known_by_name() -> None:
    names = ["galaxy", "star", "starburst", "Stars of the field", "galaxy behind a star"]
    assert star_classes(names) == ("star", "Stars of the field")
