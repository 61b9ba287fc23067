"""Fields from memory: arrays, HDUs and NDData."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import NDData
from astropy.wcs import WCS

from galpipe.errors import InputError
from galpipe.imaging import Stretch, read_field, read_rgb, to_rgb

FLUX = np.random.default_rng(0).normal(10, 1, (30, 40)).astype(np.float32)


def test_an_hdu_is_read_as_its_file(tmp_path: Path, wcs: WCS) -> None:
    cube = np.stack([FLUX, FLUX + 1, FLUX + 2])
    cube[1, 3, 4] = np.nan
    hdu = fits.ImageHDU(cube, wcs.to_header())
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "cube.fits")
    expected = read_field(tmp_path / "cube.fits")
    with fits.open(tmp_path / "cube.fits") as opened:
        fields = [read_field(source) for source in (hdu, fits.HDUList([hdu]), opened)]
    for field in fields:
        np.testing.assert_array_equal(field.pixels, expected.pixels)
        np.testing.assert_array_equal(field.bad, expected.bad)
        assert field.origin == "lower"
        assert field.pixel_scale == pytest.approx(0.4)
        np.testing.assert_allclose(field.sky(5, 6), expected.sky(5, 6))
        assert (field.identifier, field.paths) == ("field", ())


def test_reading_does_not_change_the_pixels_of_the_caller() -> None:
    flux = np.where(FLUX > 11, np.nan, FLUX).astype(np.float32)
    for source in (flux, fits.ImageHDU(flux), NDData(flux, mask=FLUX < 9)):
        before = flux.copy()
        assert read_field(source).bad.any()
        np.testing.assert_array_equal(flux, before)


def test_nddata_keeps_mask_and_wcs(wcs: WCS) -> None:
    mask = np.zeros(FLUX.shape, bool)
    mask[2, 3] = True
    field = read_field(NDData(FLUX, mask=mask, wcs=wcs), identifier="mine")
    np.testing.assert_array_equal(field.bad, mask)
    assert field.identifier == "mine"
    assert field.pixel_scale == pytest.approx(0.4)
    again = pickle.loads(pickle.dumps(field))
    np.testing.assert_allclose(again.sky(5, 6), field.sky(5, 6))


def test_arrays_of_flux_and_of_colour() -> None:
    flux = read_field(FLUX.astype(">f8"))
    assert (flux.origin, flux.pixels.dtype, flux.pixels.shape) == ("lower", "float32", (30, 40, 1))
    masked = np.ma.masked_less(np.repeat(FLUX[..., None], 3, axis=2), 9)
    np.testing.assert_array_equal(read_field(masked).bad, masked.mask.any(axis=2))
    rgb = np.random.default_rng(1).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    field = read_field(rgb)
    assert field.origin == "upper"
    np.testing.assert_array_equal(to_rgb(field), rgb)
    assert read_rgb(rgb, Stretch()) is rgb
    np.testing.assert_array_equal(read_rgb(field, Stretch()), rgb)


def test_the_checksum_is_that_of_the_pixels() -> None:
    assert read_field(FLUX).checksum == read_field(FLUX.copy()).checksum
    assert read_field(FLUX).checksum != read_field(FLUX + 1).checksum


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(10),
        np.zeros((3, 20, 30)),
        np.zeros((20, 30), bool),
        np.zeros((20, 30), complex),
        np.zeros((4, 30)),
        np.full((20, 30), np.nan),
    ],
)
def test_arrays_that_are_no_field(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="array"):
        read_field(array)


def test_hdus_and_nddata_that_are_no_field() -> None:
    with pytest.raises(InputError, match="without an image"):
        read_field(fits.PrimaryHDU())
    with pytest.raises(InputError, match="4 x 30"):
        read_field(NDData(np.zeros((30, 4))))
    with pytest.raises(InputError, match="real numbers"):
        read_field(NDData(np.zeros((20, 30), bool)))
