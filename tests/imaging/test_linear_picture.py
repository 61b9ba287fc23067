"""Linear pictures are stretched, finished ones are not; negatives and empty pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from galpipe.imaging import Field, read_field, to_rgb

SIDE = 256


def sky_field(seed: int = 0, stars: int = 60) -> NDArray[np.float64]:
    """Stars and galaxies in units of the noise of the sky, which has a level of 0."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    light = chance.normal(0, 1, (SIDE, SIDE))
    for peak in 15 * chance.pareto(0.8, stars):
        across, down = chance.uniform(0, SIDE, 2)
        light += min(peak, 3000) * np.exp(-((x - across) ** 2 + (y - down) ** 2) / 6)
    light += 30 * np.exp(-np.hypot((x - 90) / 2, y - 120) / 5)
    return light + 800 * np.exp(-((x - 200) ** 2 + (y - 60) ** 2) / 6)


def finished(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the picture of a light distribution as surveys publish it, white being 1."""
    return np.clip(np.arcsinh((light + 2) / 5) / np.arcsinh(120), 0, 1)


def read(tmp_path: Path, picture: NDArray[np.generic], suffix: str = ".png") -> Field:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), picture)
    return read_field(path)


def sixteen(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)


y, x = np.mgrid[:SIDE, :SIDE] / SIDE
VIGNETTING = 1 - 0.35 * 2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("noise", "sky", "most"),
    [(8, 600, 4095), (1.5, 100, 4095), (20, 1600, 16383), (30, 3000, 65535), (100, 5000, 65535)],
)
def test_linear_pictures_of_cameras_and_stackers(
    tmp_path: Path, seed: int, noise: float, sky: float, most: int
) -> None:
    light = np.clip(sky_field(seed) * noise + sky, 0, most)
    for values in (light, light * VIGNETTING, light + noise * 20 * x):
        field = read(tmp_path, sixteen(values))
        assert field.linear
        assert field.pixels.dtype == np.float32
        assert_array_equal(field.pixels[..., 0], sixteen(values))
        assert field.notes == ("taken as linear, not as a finished picture, and stretched",)
    for suffix in (".tif", ".png"):
        colours = sixteen(np.stack([light, 0.8 * light, 1.1 * light], axis=2))
        assert read(tmp_path, colours, suffix).linear
    field = read(tmp_path, (light / 65535).astype(np.float32), ".tif")
    assert field.linear
    assert_allclose(field.pixels[..., 0], light / 65535, rtol=1e-5)
    overshoot = (light / 65535 - 0.002).astype(np.float32)
    assert read(tmp_path, overshoot, ".tif").linear


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_linear_picture_that_is_turned(tmp_path: Path, orientation: int) -> None:
    light = sixteen(sky_field() * 8 + 600)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(light).save(tmp_path / "a.png", exif=exif)
    field = read_field(tmp_path / "a.png")
    assert field.linear
    turned = {3: light[::-1, ::-1], 6: np.rot90(light, -1), 8: np.rot90(light)}[orientation]
    assert_array_equal(field.pixels[..., 0], turned)


def test_a_linear_picture_is_stretched_like_fits(tmp_path: Path) -> None:
    light = sixteen(sky_field() * 8 + 600)
    picture = read(tmp_path, light)
    same = read_field(light.astype(np.float32))
    assert_array_equal(to_rgb(picture), to_rgb(same))
    assert to_rgb(picture).mean() > 10


def test_a_linear_array_is_taken_as_its_file(tmp_path: Path) -> None:
    light = sixteen(sky_field() * 8 + 600)
    field, file = read_field(light), read(tmp_path, light)
    assert field.linear
    assert field.notes == file.notes
    assert_array_equal(field.pixels, file.pixels)


@pytest.mark.parametrize("seed", range(3))
def test_finished_pictures_stay_as_they_are(tmp_path: Path, seed: int) -> None:
    light = sky_field(seed)
    shares = finished(light)
    smooth = cv2.GaussianBlur(shares, (0, 0), 2)
    nebula = np.clip(shares + 0.3 * np.exp(-8 * ((x - 0.5) ** 2 + (y - 0.4) ** 2)), 0, 1)
    black_sky = np.clip((shares - 0.12) / 0.88, 0, 1)
    for picture in (shares, smooth, nebula, black_sky, 0.5 * shares, 0.1 + 0.9 * x * y):
        deep = sixteen(picture * 65535)
        for values in (deep, sixteen(np.rint(picture * 255) * 257), sixteen(picture * 255) * 256):
            field = read(tmp_path, values)
            assert not field.linear
            assert_array_equal(field.pixels[..., 0], values)
            assert field.notes == ()
        field = read(tmp_path, picture.astype(np.float32), ".tif")
        assert not field.linear
        assert_allclose(field.pixels[..., 0], picture * 65535, atol=0.6)


def test_real_pictures_stay_as_they_are(galpipe_data: Path, tmp_path: Path) -> None:
    for folder in ("gz2", "fields/jpeg", "gz_decals", "galaxy10_decals"):
        files = (
            sorted((galpipe_data / folder).rglob("*.jpg"))[::100]
            or sorted((galpipe_data / folder).rglob("*.png"))[::10]
        )
        assert files
        for file in files[:5]:
            picture = cv2.imread(str(file))
            field = read(tmp_path, picture.astype(np.uint16) * 257)
            assert not field.linear
            assert field.notes == ()


def test_8_bit_data_in_a_container_of_16_bits(tmp_path: Path) -> None:
    values = np.rint(finished(sky_field()) * 255).astype(np.uint16)
    field = read(tmp_path, values)
    assert field.pixels.dtype == np.uint8
    assert_array_equal(field.pixels[..., 0], values)
    assert (field.linear, field.notes) == (False, ())


def test_an_almost_black_picture_of_8_bits_is_said(tmp_path: Path) -> None:
    light = sky_field(stars=5)
    field = read(tmp_path, np.rint(np.clip(light / light.max(), 0, 1) * 255).astype(np.uint8))
    assert not field.linear
    assert len(field.notes) == 1
    assert "almost black" in field.notes[0]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_negatives_are_inverted(tmp_path: Path, depth: type) -> None:
    white = np.iinfo(depth).max
    picture = np.rint(finished(sky_field()) * white).astype(depth)
    field = read(tmp_path, white - picture)
    assert_array_equal(field.pixels[..., 0], picture)
    assert len(field.notes) == 1
    assert "negative" in field.notes[0]


def test_a_linear_negative(tmp_path: Path) -> None:
    light = sixteen(sky_field() * 30 + 3000)
    field = read(tmp_path, 65535 - light)
    assert field.linear
    assert_array_equal(field.pixels[..., 0], light)
    assert ["negative" in note or "linear" in note for note in field.notes] == [True, True]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_picture_of_one_colour_is_said(tmp_path: Path, suffix: str, level: int) -> None:
    field = read(tmp_path, np.full((64, 64, 3), level, np.uint8), suffix)
    assert len(field.notes) == 1
    assert f"no contrast: all pixels are at {100 * level / 255:.0f} % of white" in field.notes[0]


def test_deep_pictures_of_one_colour(tmp_path: Path) -> None:
    for picture in (np.full((64, 64), 300, np.uint16), np.zeros((64, 64), np.float32)):
        field = read(tmp_path, picture, ".tif")
        assert "no contrast" in field.notes[0]
        assert not field.linear


@given(st.integers(0, 2**32 - 1), st.sampled_from(["uint8", "uint16", "float32"]))
def test_any_values_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str
) -> None:
    chance = np.random.default_rng(seed)
    values = np.exp(chance.normal(0, chance.uniform(0, 30), (12, 16)))
    with np.errstate(over="ignore", invalid="ignore"):
        picture = np.clip(values, 0, 1e38 if kind == "float32" else np.iinfo(kind).max).astype(kind)
    field = read(tmp_path_factory.mktemp("any"), picture, ".tif")
    assert field.pixels.shape == (12, 16, 1)
    assert np.isfinite(field.pixels).all()
