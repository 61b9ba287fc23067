from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from galpipe.imaging import Field, read_field, to_rgb

Noise = Callable[..., NDArray[np.float32]]
MakeField = Callable[..., Field]

SHAPE = (128, 160)
VALUES = [99999, 1e10, 1e20, 1e30, 3.4e38, -999, -9999, -32768, -1e30, 65535, 32768, 0, 20.5]


def star(fwhm: float, peak: float, *, wings: bool = False) -> NDArray[np.float32]:
    """Light of a star off the centre of its pixel: a Gaussian, or a Moffat function."""
    y, x = np.indices(SHAPE)
    square = (x - 80.3) ** 2 + (y - 60.4) ** 2
    if wings:
        return (peak * (1 + square / fwhm**2) ** -2.5).astype(np.float32)
    return (peak * np.exp(-4 * np.log(2) * square / fwhm**2)).astype(np.float32)


def marked(pixels: NDArray[np.generic]) -> Field:
    return read_field(pixels.astype(np.float32))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("width", [1, 3, 12, 60])
def test_a_border_of_any_value_is_left_out(noise: Noise, value: float, width: int) -> None:
    pixels, border = noise(SHAPE, 20, 3), np.zeros(SHAPE, dtype=bool)
    border[:, :width] = border[-width:] = True
    pixels[border] = value
    field = marked(pixels)
    assert_array_equal(field.bad, border)
    assert (field.pixels[border] == 0).all()
    assert field.bad_counts == {"fill value": border.sum()}
    (note,) = field.notes
    assert note == (
        f"{border.mean():.1%} of the pixels hold the fill value {value:g}; these pixels are left "
        "out"
    )


@pytest.mark.parametrize("angle", [25, 115, 205, 295])
def test_slanting_borders_are_left_out(noise: Noise, angle: float) -> None:
    y, x = np.indices(SHAPE) - np.array(SHAPE)[:, None, None] / 2
    turn = np.deg2rad(angle)
    border = x * np.cos(turn) + y * np.sin(turn) > 40
    field = marked(np.where(border, 0, noise(SHAPE, 20, 3)))
    assert np.count_nonzero(field.bad != border) < 0.03 * border.sum()


def test_fill_values_of_one_band_are_bad_in_all(noise: Noise) -> None:
    pixels = noise((*SHAPE, 3), 20, 3)
    pixels[:20, :, 1] = -1
    field = marked(pixels)
    assert field.bad[:20].all()
    assert not field.bad[20:].any()


def test_dead_rows_and_columns_are_left_out(noise: Noise) -> None:
    pixels, dead = noise(SHAPE, 20, 3), np.zeros(SHAPE, dtype=bool)
    dead[:, 30] = dead[50:, 90] = dead[40] = True
    pixels[:, 30], pixels[50:, 90], pixels[40] = 4, 7, 31
    assert_array_equal(marked(pixels).bad, dead)


def test_columns_divided_by_a_flat_of_zero_are_left_out(noise: Noise) -> None:
    pixels, divided = noise(SHAPE, 0, 3), np.zeros(SHAPE, dtype=bool)
    divided[:, 40:43] = True
    pixels[divided] *= 1e7
    field = marked(pixels)
    assert_array_equal(field.bad, divided)
    assert "1.9% of the pixels hold values far beyond those around them" in field.notes[0]


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("value", [3e4, -3e4, 3e7, -3e7, 3.4e38])
def test_hot_pixels_are_left_out_without_a_word(noise: Noise, value: float, size: int) -> None:
    pixels, hot = noise(SHAPE, 20, 3), np.zeros(SHAPE, dtype=bool)
    hot[60 : 60 + size, 80 : 80 + size] = hot[0, 0] = True
    pixels[hot] = value
    field = marked(pixels)
    assert_array_equal(field.bad, hot)
    assert field.notes == ()


@pytest.mark.parametrize("fwhm", [2, 3, 5, 9])
@pytest.mark.parametrize("peak", [1e3, 1e5, 3e7])
@pytest.mark.parametrize("wings", [False, True])
@pytest.mark.parametrize("saturation", [None, 60000])
def test_stars_stay(
    noise: Noise, fwhm: float, peak: float, wings: bool, saturation: float | None
) -> None:
    pixels = noise(SHAPE, 20, 3) + star(fwhm, peak, wings=wings)
    field = marked(np.minimum(pixels, saturation or np.inf))
    assert not field.bad.any()
    assert field.notes == ()


@pytest.mark.parametrize("sigma", [0.2, 0.35, 0.7, 3])
def test_integers_of_little_noise_stay(noise: Noise, sigma: float) -> None:
    assert not marked(np.rint(noise((400, 500), 100, sigma))).bad.any()


@pytest.mark.parametrize("level", [0, 100])
@pytest.mark.parametrize("whole", [False, True])
def test_an_image_without_noise_stays(level: float, whole: bool) -> None:
    y, x = np.indices(SHAPE)
    galaxy = level + 1000 * np.exp(-np.hypot(x - 80, (y - 60) / 0.7) / 8)
    assert not marked(np.rint(galaxy) if whole else galaxy).bad.any()


@pytest.mark.parametrize("value", [0, 5, -3e5])
def test_an_image_of_one_value_is_said_to_have_no_contrast(value: float) -> None:
    field = marked(np.full(SHAPE, value))
    assert not field.bad.any()
    assert field.notes == (f"the image has no contrast: every pixel is {value:g}",)


def test_finished_pictures_stay_as_they_are() -> None:
    pixels = np.zeros((*SHAPE, 3), dtype=np.uint8)
    field = read_field(pixels)
    assert not field.bad.any()
    assert field.bad_counts == {}


@cache
def clean_field() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = rng.normal(20, 3, SHAPE).astype(np.float32) + star(4, 200)
    return pixels, to_rgb(read_field(pixels))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 127))
@settings(max_examples=40)
def test_no_finite_outlier_changes_the_rest_of_the_picture(value: float, row: int) -> None:
    pixels, clean = clean_field()
    pixels = pixels.copy()
    pixels[row, 30] = value
    picture = to_rgb(read_field(pixels))
    elsewhere = np.ones(SHAPE, dtype=bool)
    elsewhere[max(0, row - 5) : row + 6, 25:36] = False
    assert np.abs(picture[elsewhere].astype(int) - clean[elsewhere]).max() <= 2
    if abs(value) > 1e3:
        assert picture[row, 30].max() < 60


def test_single_photons_are_no_outliers() -> None:
    photons = np.random.default_rng(0).poisson(0.01, SHAPE) / 1500
    photons[60, 60:63] = 40 / 1500
    assert not marked(photons).bad.any()
