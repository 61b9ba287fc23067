from __future__ import annotations

import numpy as np
import pytest

from galpipe.errors import ConfigError
from galpipe.imaging import Field
from galpipe.imaging.field import Band
from galpipe.photometry import band_units, parse_zero_points, with_zero_points


def field(*bands: Band, linear: bool = True) -> Field:
    pixels = np.zeros((8, 8, len(bands)), np.float32)
    return Field(pixels, "f", (), "0" * 64, np.zeros((8, 8), bool), linear=linear, bands=bands)


def test_bands_have_the_names_of_their_filters() -> None:
    assert band_units(field(Band("i", "nanomaggy"), Band("r", "nanomaggy"), Band("g", "adu"))) == {
        "i": "nanomaggy",
        "r": "nanomaggy",
        "g": "adu",
    }
    assert band_units(field(Band("H-alpha (6563)"))) == {"H_alpha_6563": ""}


@pytest.mark.parametrize("names", [("", "", ""), ("r", "", "g"), ("clear", "clear", "clear")])
def test_bands_without_distinct_names_are_named_by_colour(names: tuple[str, ...]) -> None:
    assert list(band_units(field(*map(Band, names)))) == ["red", "green", "blue"]


def test_one_band_may_have_no_name_and_pictures_have_no_band() -> None:
    assert band_units(field(Band("", "adu"))) == {"": "adu"}
    assert band_units(field(Band(), Band(), Band(), linear=False)) == {}


def test_zero_points_replace_those_of_the_file() -> None:
    three = field(Band("i", "adu", 20.0), Band("r", "adu"), Band("g", "adu", 21.0))
    assert with_zero_points(three, None) is three
    points = [band.zero_point for band in with_zero_points(three, 22.5).bands]
    assert points == [22.5, 22.5, 22.5]
    some = with_zero_points(three, {"r": 25.0, "g": 24.0, "z": 23.0})
    assert [band.zero_point for band in some.bands] == [20.0, 25.0, 24.0]
    assert some.notes == ()
    picture = field(Band(), linear=False)
    assert with_zero_points(picture, 22.5) is picture


def test_zero_points_of_other_bands_are_said() -> None:
    [note] = with_zero_points(field(Band("i"), Band("r"), Band("g")), {"z": 22.5}).notes
    assert "its bands are i, r, g" in note
    [note] = with_zero_points(field(Band()), {"r": 22.5}).notes
    assert "has no name" in note


@pytest.mark.parametrize("text", ["", "r", "r=", "22.5,23", "r=22,22", "nan", "r=inf", "r=2,r=3"])
def test_zero_points_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="--zeropoint"):
        parse_zero_points(text)


def test_zero_points_in_text() -> None:
    assert parse_zero_points("22.5") == 22.5
    assert parse_zero_points("r=22.5, F814W=25.94") == {"r": 22.5, "F814W": 25.94}
