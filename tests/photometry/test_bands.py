from __future__ import annotations

import numpy as np
import pytest

from galpipe.imaging import Field
from galpipe.imaging.field import Band
from galpipe.photometry import band_units, wavelength


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


def test_one_band_without_a_name_and_pictures_have_no_suffix() -> None:
    assert band_units(field(Band("", "adu"))) == {"": "adu"}
    assert band_units(field(Band(), Band(), Band(), linear=False)) == {"": ""}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("g", 477),
        ("V", 545),
        ("F814W", 814),
        ("F160W", 1600),
        ("F444W", 4408),
        ("F1000W", 10000),
        ("luminance", None),
    ],
)
def test_wavelength(name: str, expected: float | None) -> None:
    assert wavelength(name) == expected
