from __future__ import annotations

import pytest

from galpipe.detection.kinds import galaxy_classes, star_classes


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
