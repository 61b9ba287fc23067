from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from galpipe.pipeline import Catalogue
from galpipe.pipeline.columns import catalogue_columns
from galpipe.pipeline.photometry_columns import bands_among, join_bands, photometry_columns

OF_A_BAND = ["flux", "flux_err", "mag", "mag_err", "snr", "peak", "sky"]


def part(bands: dict[str, str], value: float) -> dict[str, list[float]]:
    return {column.name: [value] for column in catalogue_columns(None, None, bands)}


def test_columns_have_the_suffix_of_their_band() -> None:
    shape = len(photometry_columns({}))
    names = [column.name for column in photometry_columns({"r": "", "": ""})][shape:]
    assert names == [f"{name}_r" for name in OF_A_BAND] + OF_A_BAND


def test_bands_are_in_the_order_of_wavelength_then_of_name() -> None:
    parts = [{"z": "", "r": "", "g": ""}, {"luminance": ""}, {"narrow": "", "U": "", "F814W": ""}]
    expected = ["U", "g", "r", "F814W", "z", "luminance", "narrow"]
    assert list(join_bands(parts)) == list(join_bands(parts[::-1])) == expected


def test_pictures_alone_have_the_columns_of_one_band() -> None:
    assert join_bands([]) == join_bands([{}, {}]) == {"": ""}
    assert join_bands([{}, {"r": "adu"}]) == {"r": "adu"}


def test_a_catalogue_has_the_bands_of_all_its_fields() -> None:
    bands = [{"r": "adu", "g": "adu"}, {"i": "adu", "g": "nJy"}]
    catalogue = Catalogue.concatenate(
        [part(bands[0], 1), part(bands[1], 2)], None, None, None, bands
    )
    assert catalogue.bands == {"g": "", "r": "adu", "i": "adu"}
    np.testing.assert_array_equal(np.asarray(catalogue["flux_r"]), [1, np.nan])
    np.testing.assert_array_equal(np.asarray(catalogue["flux_i"]), [np.nan, 2])
    np.testing.assert_array_equal(np.asarray(catalogue["flux_g"]), [1, 2])
    assert catalogue["flux_r"].unit == u.adu
    assert catalogue["flux_g"].info.unit is None
    assert catalogue[:1].bands == catalogue.bands


def test_bands_of_a_table() -> None:
    names = [column.name for column in photometry_columns({"r": "", "err": "", "": ""})]
    assert bands_among(names, {"r": "adu"}) == {"r": "adu", "err": "", "": ""}
    assert bands_among([column.name for column in photometry_columns({})]) == {}
    assert bands_among(["ra", "dec", "flux", "flux_err"]) is None


@pytest.mark.parametrize(
    ("unit", "pixel", "flux"),
    [
        ("adu", "adu", "adu"),
        ("MJy/sr", "MJy / sr", "MJy pix / sr"),
        ("Jy/pix", "Jy / pix", "Jy"),
        ("nanomaggy", None, None),
        ("", None, None),
    ],
)
def test_units(unit: str, pixel: str | None, flux: str | None) -> None:
    found = {column.name: column for column in photometry_columns({"r": unit})}
    assert (found["peak_r"].unit, found["sky_r"].unit) == (pixel, pixel)
    assert (found["flux_r"].unit, found["flux_err_r"].unit) == (flux, flux)
    if unit and pixel is None:
        assert f", in {unit}" in found["flux_r"].description


def test_fluxes_of_any_size_keep_their_digits() -> None:
    column = next(c for c in photometry_columns({"": ""}) if c.name == "flux")
    values = column.values([1.23456789e-20, 123456789.0, -1.5, np.nan, 0.0])
    np.testing.assert_array_equal(values, [1.23457e-20, 123457000.0, -1.5, np.nan, 0.0])
