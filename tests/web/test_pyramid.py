from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal

from galpipe.imaging import Field, Stretch, to_rgb
from galpipe.imaging.large_field import LargeField
from galpipe.imaging.open_field import open_field

pytest.importorskip("fastapi")

from galpipe.web.pyramid import TILE, Pyramid, write_pyramid
from galpipe.web.sky_grid import SkyGrid, sky_grid


def a_field(width: int, height: int, bands: int = 3, wcs: WCS | None = None) -> Field:
    chance = np.random.default_rng(1)
    pixels = chance.normal(100, 2, (height, width, bands)).astype(np.float32)
    pixels[20:40, 30:60] += 400
    bad = np.zeros((height, width), bool)
    scale = None if wcs is None else 0.4
    return Field(pixels, "field", (), "0", bad, wcs, scale, "lower")


def decoded(tile: bytes | None) -> np.ndarray:
    assert tile is not None
    picture = cv2.imdecode(np.frombuffer(tile, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("bands", [1, 3])
def test_tiles_show_what_the_detector_sees(tmp_path: Path, bands: int) -> None:
    field = a_field(300, 280, bands)
    write_pyramid(field, Stretch(), tmp_path / "pyramid")
    pyramid = Pyramid(tmp_path / "pyramid")
    seen = to_rgb(field, Stretch())[::-1]
    tile = decoded(pyramid.tile(pyramid.deepest, 0, 0, pyramid.stretch()))
    assert tile.shape == (TILE + 1, TILE + 1, 3)
    # JPEG changes a pixel of noise by a few levels.
    difference = tile.astype(int) - seen[: TILE + 1, : TILE + 1]
    assert np.abs(difference).mean() < 3
    window = pyramid.window(10, 5, 90, 60).astype(int)
    assert np.abs(window - seen[::-1][5:60, 10:90]).max() <= 1


def test_a_finished_picture_is_shown_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    field = Field(pixels, "f", (), "0", np.zeros((40, 50), bool), linear=False)
    info = write_pyramid(field, Stretch(), tmp_path / "pyramid")
    pyramid = Pyramid(tmp_path / "pyramid")
    assert not info.linear
    assert_array_equal(pyramid.window(0, 0, 50, 40), pixels)
    darker = decoded(pyramid.tile(pyramid.deepest, 0, 0, pyramid.stretch(black=200.0)))
    assert darker.mean() < pixels.mean() / 2


def test_every_level_has_the_size_of_the_format(tmp_path: Path) -> None:
    write_pyramid(a_field(700, 301, 1), Stretch(), tmp_path / "pyramid")
    pyramid = Pyramid(tmp_path / "pyramid")
    assert 'Width="700" Height="301"' in pyramid.dzi()
    stretch = pyramid.stretch()
    for level in range(pyramid.deepest + 1):
        width = -(-700 // 2 ** (pyramid.deepest - level))
        height = -(-301 // 2 ** (pyramid.deepest - level))
        columns, rows = -(-width // TILE), -(-height // TILE)
        last = decoded(pyramid.tile(level, columns - 1, rows - 1, stretch))
        left, top = (columns - 1) * TILE, (rows - 1) * TILE
        assert last.shape[1] == width - left + (1 if left else 0)
        assert last.shape[0] == height - top + (1 if top else 0)
        assert pyramid.tile(level, columns, 0, stretch) is None
        assert pyramid.tile(level, 0, rows, stretch) is None
    assert pyramid.tile(pyramid.deepest + 1, 0, 0, stretch) is None
    assert pyramid.tile(-1, 0, 0, stretch) is None
    assert pyramid.tile(3, -1, 0, stretch) is None


def test_a_large_field_is_shown_by_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(2)
    pixels = chance.normal(100, 2, (601, 500)).astype(np.float32)
    pixels[20:40, 30:60] += 400
    fits.PrimaryHDU(pixels).writeto(tmp_path / "field.fits")
    with open_field(tmp_path / "field.fits") as opened:
        assert isinstance(opened, Field)
        whole = write_pyramid(opened, Stretch(), tmp_path / "whole")
    monkeypatch.setattr("galpipe.imaging.open_field._WHOLE", 1000)
    monkeypatch.setattr("galpipe.imaging.large_field._STRIP", 200 * 500)
    with open_field(tmp_path / "field.fits") as opened:
        assert isinstance(opened, LargeField)
        info = write_pyramid(opened, Stretch(), tmp_path / "parts")
    assert info.model_copy(update={"notes": []}) == whole.model_copy(update={"notes": []})
    for level, size in enumerate([(601, 500), (301, 250), (151, 125)]):
        one, two = (
            np.load(tmp_path / name / f"level-{level:02d}.npy") for name in ("whole", "parts")
        )
        assert one.shape == two.shape == (*size, 1)
        # Sky and noise are measured on cells and samples: they agree to some hundredths.
        assert_allclose(two, one, rtol=0.05, atol=0.3)
    light = np.load(tmp_path / "parts" / "level-00.npy")[..., 0]
    assert light[601 - 40 : 601 - 20, 30:60].mean() > 20 * abs(light[:500]).mean()


def test_reduced_pixels_are_means_of_four(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (301, 299, 3), np.uint8)
    field = Field(pixels, "f", (), "0", np.zeros((301, 299), bool), linear=False)
    write_pyramid(field, Stretch(), tmp_path / "pyramid")
    half = np.load(tmp_path / "pyramid" / "level-01.npy")
    expected = pixels[:300, :298].reshape(150, 2, 149, 2, 3).mean(axis=(1, 3))
    assert np.abs(half[:150, :149] - expected).max() <= 0.5
    # Beyond an odd side the last pixel goes on.
    last = pixels[300, :298].reshape(149, 2, 3).mean(axis=1)
    assert np.abs(half[150, :149] - last).max() <= 0.5


def interpolated(grid: SkyGrid, x: float, y: float) -> np.ndarray:
    """Unit vector at a place, 0 to 1 along each side, as the page computes it."""
    east, north = np.radians(np.array(grid.ra, float)), np.radians(np.array(grid.dec, float))
    vectors = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    vectors = vectors.reshape(3, grid.cells + 1, grid.cells + 1)
    column, row = min(int(x * grid.cells), grid.cells - 1), min(int(y * grid.cells), grid.cells - 1)
    u, v = x * grid.cells - column, y * grid.cells - row
    cell = vectors[:, row : row + 2, column : column + 2]
    top = cell[:, 0, 0] * (1 - u) + cell[:, 0, 1] * u
    bottom = cell[:, 1, 0] * (1 - u) + cell[:, 1, 1] * u
    vector = top * (1 - v) + bottom * v
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("dec", [0.0, 75.0, -89.99])
@pytest.mark.parametrize("degrees", [0.2, 4.0])
def test_sky_coordinates_are_interpolated(dec: float, degrees: float) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [0.001, dec], [200, 150]
    wcs.wcs.cdelt = [-degrees / 400, degrees / 400]
    field = a_field(400, 300, 1, wcs)
    grid = sky_grid(field)
    assert grid is not None
    for x, y in np.random.default_rng(0).uniform(0, 1, (30, 2)):
        ra, dec_true = (np.radians(value) for value in field.sky(x * 400, y * 300))
        true = np.array(
            [np.cos(dec_true) * np.cos(ra), np.cos(dec_true) * np.sin(ra), np.sin(dec_true)]
        )
        error = np.linalg.norm(interpolated(grid, x, y) - true) / np.radians(0.4 / 3600)
        assert error < 0.2


def test_a_field_without_coordinates_has_no_grid() -> None:
    assert sky_grid(a_field(100, 100)) is None
