from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from galpipe.imaging import Background, Field, estimate_background, to_rgb

MakeField = Callable[..., Field]

SHAPE = (420, 560)
NOISE = 3.0
Y, X = np.indices(SHAPE) / np.array(SHAPE)[:, None, None]
BLANK = np.random.default_rng(2).normal(100, NOISE, SHAPE)


def galaxy(
    radius: float, peak: float, x: float = 0.47, y: float = 0.55
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Light of an exponential disc, and where it is within its radius, three scale lengths."""
    rows, columns = np.indices(SHAPE)
    distance = np.hypot(columns - x * SHAPE[1], (rows - y * SHAPE[0]) / 0.7)
    return NOISE * peak * np.exp(-3 * distance / radius), distance < radius


def stars(number: int) -> NDArray[np.float64]:
    """Light of stars of all brightnesses."""
    rng = np.random.default_rng(5)
    light = np.zeros(SHAPE)
    rows, columns = np.indices((21, 21)) - 10
    profile = (1 + (rows**2 + columns**2) / 6) ** -2.5
    for _ in range(number):
        y, x = rng.integers(0, SHAPE[0] - 21), rng.integers(0, SHAPE[1] - 21)
        light[y : y + 21, x : x + 21] += NOISE * 10 ** rng.uniform(0.5, 3.5) * profile
    return light


def measured(make_field: MakeField, pixels: NDArray[np.float64], **settings: object) -> Background:
    planes = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    return estimate_background(make_field(planes.astype(np.float32), **settings))


def errors(background: Background, sky: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors of the level in units of the noise."""
    return (background.level(0) - 100 - sky) / NOISE


@pytest.mark.parametrize("height", [0, 1, 5, 20, 40])
@pytest.mark.parametrize("crowd", [0, 150])
def test_gradients_are_followed(make_field: MakeField, height: float, crowd: int) -> None:
    sky = NOISE * height * (0.8 * X + 0.6 * Y)
    found = measured(make_field, BLANK + stars(crowd) + sky)
    assert np.abs(errors(found, sky)).max() < (0.35 if crowd else 0.12)
    assert_allclose(found.noise(0), NOISE, rtol=0.15)


@pytest.mark.parametrize("share", [0.1, 0.35])
def test_vignetting_is_followed(make_field: MakeField, share: float) -> None:
    sky = -100 * NOISE * share * 2 * ((X - 0.5) ** 2 + (Y - 0.5) ** 2)
    assert np.abs(errors(measured(make_field, BLANK + stars(100) + sky), sky)).max() < 0.6


@pytest.mark.parametrize("height", [1, 3, 5, 50])
@pytest.mark.parametrize("place", [0.1, 0.53])
def test_steps_between_two_amplifiers_are_sharp(
    make_field: MakeField, height: float, place: float
) -> None:
    sky = NOISE * height * (place <= X)
    column = int(np.ceil(place * SHAPE[1]))
    for turned in (False, True):
        pixels = BLANK + stars(100) + sky
        found = measured(make_field, pixels.T if turned else pixels)
        (edge,) = found.as_dict()["steps_y" if turned else "steps_x"][0]
        assert abs(edge - column) <= (3 if height == 1 else 0)
        level = found.level(0).T if turned else found.level(0)
        away = np.abs(np.arange(SHAPE[1]) - column) > 3
        assert np.abs((level - 100 - sky)[:, away]).max() < 0.4 * NOISE


@pytest.mark.parametrize("height", [1.5, 5])
def test_steps_between_four_amplifiers_are_sharp(make_field: MakeField, height: float) -> None:
    right, upper = X >= 0.5, Y >= 0.5
    sky = NOISE * (height * (right & ~upper) - height * (right & upper) + 2 * upper + 5 * X)
    found = measured(make_field, BLANK + sky)
    assert np.abs(errors(found, sky)).max() < 0.25
    record = found.as_dict()
    assert record["steps_x"] == [[280]]
    assert record["steps_y"] == [[210]]
    assert record["range"][0] > height


def test_steps_across_a_gap_between_ccds(make_field: MakeField) -> None:
    sky, gap = NOISE * 4 * (X > 0.5), np.abs(X - 0.5) < 0.02
    found = measured(make_field, np.where(gap, 0, BLANK + sky), bad=gap)
    assert np.abs(errors(found, sky)[~gap]).max() < 0.2


def test_noise_is_that_of_each_amplifier(make_field: MakeField) -> None:
    deep = X < 0.5
    found = measured(make_field, 100 + (BLANK - 100) * np.where(deep, 0.4, 1))
    ((edge,),) = found.as_dict()["steps_x"]
    assert abs(edge - 280) <= 2
    assert_allclose(found.noise(0)[:, :278], 0.4 * NOISE, rtol=0.1)
    assert_allclose(found.noise(0)[:, 282:], NOISE, rtol=0.1)


def test_fringes_are_followed(make_field: MakeField) -> None:
    sky = NOISE * np.sin(2 * np.pi * 4 * X)
    assert errors(measured(make_field, BLANK + sky), sky).std() < 0.3


@pytest.mark.parametrize("slope", [0, 10])
@pytest.mark.parametrize(("radius", "peak"), [(15, 300), (50, 50), (100, 20), (100, 1000)])
def test_galaxies_keep_their_light(
    make_field: MakeField, slope: float, radius: float, peak: float
) -> None:
    light, inside = galaxy(radius, peak)
    sky = NOISE * slope * X
    raised = errors(measured(make_field, BLANK + sky + light), sky)[inside].sum() * NOISE
    assert abs(raised) < 0.03 * light[inside].sum()


def test_galaxies_make_no_steps(make_field: MakeField) -> None:
    for x, y in ((0.2, 0.3), (0.5, 0.5), (0.98, 0.1)):
        light, _ = galaxy(120, 2000, x, y)
        record = measured(make_field, BLANK + light + stars(300)).as_dict()
        assert record["steps_x"] == record["steps_y"] == [[]]


def test_the_sky_about_a_galaxy_that_fills_the_field_is_its_faintest_part(
    make_field: MakeField,
) -> None:
    light, _ = galaxy(500, 300)
    found = measured(make_field, BLANK + light)
    faint = np.quantile(light, 0.1)
    assert np.ptp(found.level(0)) == 0
    assert found.level(0)[0, 0] == pytest.approx(100 + faint, rel=0.1)
    picture = to_rgb(make_field((BLANK + light).astype(np.float32)[..., np.newaxis]), None, found)
    assert np.median(picture) > 80


def test_small_and_empty_fields_have_one_positive_noise(make_field: MakeField) -> None:
    for pixels in (BLANK[:9, :30], np.full((300, 300), 7.0), np.zeros((40, 40))):
        found = measured(make_field, pixels)
        assert np.ptp(found.level(0)) == 0
        assert found.noise(0).min() > 0


def test_a_field_is_flat_with_hardly_any_data(make_field: MakeField) -> None:
    bad = np.ones(SHAPE, dtype=bool)
    bad[200:210, 300:310] = False
    found = measured(make_field, np.where(bad, 0, BLANK), bad=bad)
    assert found.level(0)[0, 0] == pytest.approx(100, abs=2 * NOISE)
    bad[:] = True
    assert measured(make_field, np.zeros(SHAPE), bad=bad).noise(0).min() > 0


def test_whole_numbers_give_a_smooth_level(make_field: MakeField) -> None:
    sky = 4 * X
    found = measured(make_field, np.rint(BLANK / NOISE + sky) * NOISE)
    assert errors(found, NOISE * sky).std() < 0.1


@settings(max_examples=20)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_no_finite_value_raises_the_level(value: float) -> None:
    pixels = BLANK.astype(np.float32)[:200, :200, np.newaxis].copy()
    pixels[50, 60:64] = value
    bad = np.zeros((200, 200), dtype=bool)
    found = estimate_background(Field(pixels, "field", (), "", bad))
    assert np.abs(found.level(0) - 100).max() < 0.5 * NOISE
    assert_allclose(found.noise(0), NOISE, rtol=0.2)


@pytest.mark.parametrize("bands", [1, 3])
def test_a_picture_does_not_show_an_uneven_sky(make_field: MakeField, bands: int) -> None:
    light = BLANK + galaxy(40, 30)[0] + stars(50)
    sky = NOISE * (20 * X + 5 * (Y > 0.6))
    flat, uneven = (
        to_rgb(make_field(np.repeat(p[..., np.newaxis], bands, axis=2).astype(np.float32)))
        for p in (light, light + sky)
    )
    assert np.abs(flat.astype(int) - uneven).mean() < 1


@pytest.mark.parametrize("photons", [0.02, 0.3])
def test_a_sky_of_few_photons_has_no_steps(make_field: MakeField, photons: float) -> None:
    pixels = np.random.default_rng(0).poisson(photons, (300, 300, 1)).astype(np.float32)
    (meshes,) = estimate_background(make_field(pixels)).meshes
    assert len(meshes) == 1


@pytest.mark.parametrize("height", [2, 5])
@pytest.mark.parametrize("waves", [2, 5])
def test_strong_waves_are_followed(make_field: MakeField, height: float, waves: float) -> None:
    sky = NOISE * height * np.sin(2 * np.pi * waves * (X + 0.2 * Y)) * np.cos(4 * Y)
    light, inside = galaxy(15, 300)
    found = errors(measured(make_field, BLANK + sky + light), sky)
    assert found[~inside].std() < 0.15 * height + 0.2
    assert abs(found[inside].sum() * NOISE) < 0.1 * light[inside].sum()
