"""Crops with linear pixels: what is in the field is in the file, at its place on the sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from galpipe.imaging import Band, Field, crop_field, cut_crop, read_field, write_fits_crop
from galpipe.imaging.sky import celestial_wcs

from . import test_wcs_kinds as kinds

BOXES = {"inside": (150, 100, 190, 130), "across the edge": (-9, 270, 40, 299)}

camera = kinds.camera


def agrees(crop: Field, field: Field, box: tuple[int, ...], path: Path) -> None:
    """Compare a file, read by galpipe and by astropy, with the field at the same places."""
    side = crop.width
    x = (box[0] + box[2]) / 2 + np.linspace(-side / 3, side / 3, 7)
    y = (box[1] + box[3]) / 2 + np.linspace(side / 3, -side / 4, 7)
    right = SkyCoord(*field.sky(x, y), unit="deg")
    # The middle of the crop is that of the box, to half a pixel.
    left = np.array([round((box[0] + box[2] - side) / 2), round((box[1] + box[3] - side) / 2)])
    written = read_field(write_fits_crop(path, crop))
    found = SkyCoord(*written.sky(x - left[0], y - left[1]), unit="deg")
    assert found.separation(right).arcsec.max() < 0.01
    with fits.open(path) as hdus:
        number = next(n for n, hdu in enumerate(hdus) if hdu.data is not None)
        wcs = WCS(hdus[number].header, hdus)
        seen = wcs.pixel_to_world(x - left[0] - 0.5, y - left[1] - 0.5)
    if "LON" not in wcs.wcs.ctype[0]:
        assert seen.icrs.separation(right).arcsec.max() < 0.01


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_of_wcs_is_kept(kind: str, tmp_path: Path) -> None:
    wcs, _ = celestial_wcs(kinds.KINDS[kind], kinds.HEIGHT, kinds.WIDTH)
    field = replace(kinds.field(wcs), pixels=np.ones((kinds.HEIGHT, kinds.WIDTH, 1), np.float32))
    for name, box in BOXES.items():
        agrees(crop_field(field, box, 1.5, "a"), field, box, tmp_path / f"{name}.fits")


def test_lookup_tables_go_with_every_band(tmp_path: Path, camera: fits.HDUList) -> None:
    wcs, _ = celestial_wcs(camera[1].header, kinds.HEIGHT, kinds.WIDTH, camera)
    before = repr(wcs)
    field = Field(
        np.ones((kinds.HEIGHT, kinds.WIDTH, 3), np.float32),
        "a",
        (),
        "0",
        np.zeros((kinds.HEIGHT, kinds.WIDTH), bool),
        wcs=wcs,
    )
    for name, box in BOXES.items():
        agrees(crop_field(field, box, 1.5, "a"), field, box, tmp_path / f"{name}.fits")
    assert repr(wcs) == before


def test_pixels_and_bands_are_those_of_the_field(
    tmp_path: Path, make_field: Callable[..., Field], wcs: WCS
) -> None:
    pixels = np.random.default_rng(0).normal(5, 2, (60, 70, 3)).astype(np.float32)
    bad = np.zeros((60, 70), bool)
    bad[12, 14] = True
    zero_points = {"i": 24.5, "r": 25.0, "g": 25.5}
    bands = tuple(Band(name, "adu", zero, 2.5, 6e4) for name, zero in zero_points.items())
    field = make_field(pixels, bad=bad, wcs=wcs, bands=bands)
    box = (-4, 2, 30, 20)
    crop = crop_field(field, box, 1.0, "galaxy 1")
    path = write_fits_crop(tmp_path / "new" / "crop.fits", crop)
    written = read_field(path)
    assert written.bands == bands
    assert crop.pixels.shape[:2] == cut_crop(np.zeros((60, 70, 3), np.uint8), box, 1.0).shape[:2]
    assert (written.width, written.height) == (34, 34)
    # The square is 34 pixels wide and begins at (-4, -6).
    expected = np.zeros((34, 34, 3), np.float32)
    expected[6:, 4:] = np.where(bad[..., np.newaxis], 0, pixels)[:28, :30]
    np.testing.assert_array_equal(written.pixels, expected)
    outside = np.ones((34, 34), bool)
    outside[6:, 4:] = bad[:28, :30]
    np.testing.assert_array_equal(written.bad, outside)
    with fits.open(path, checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "I", "R", "G"]
        assert hdus[0].header["OBJECT"] == "galaxy 1"
        assert np.isnan(hdus["R"].data[18, 18])
    again = write_fits_crop(tmp_path / "again.fits", crop)
    assert again.read_bytes() == path.read_bytes()


def test_rows_from_the_top_stay_so(tmp_path: Path, make_field: Callable[..., Field]) -> None:
    field = make_field(np.ones((40, 40, 1), np.float32), origin="upper")
    crop = crop_field(field, (5, 5, 25, 25), 1.0, "a")
    written = read_field(write_fits_crop(tmp_path / "a.fits", crop))
    assert (written.origin, written.wcs) == ("upper", None)


def test_bands_without_names_have_those_of_the_catalogue(
    tmp_path: Path, make_field: Callable[..., Field]
) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (40, 40, 3)).astype(np.float32)
    crop = crop_field(make_field(noise), (5, 5, 25, 25), 1.0, "a")
    written = read_field(write_fits_crop(tmp_path / "a.fits", crop))
    assert [band.name for band in written.bands] == ["red", "green", "blue"]
    np.testing.assert_array_equal(written.pixels, noise[5:25, 5:25])
