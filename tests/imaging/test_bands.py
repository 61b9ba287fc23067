from __future__ import annotations

from typing import Any

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from galpipe.imaging.bands import band_name, read_band, wavelength


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"FILTER": "r DECam SDSS c0002 6415.0 1480.0"}, "r"),
        ({"FILTER": "HSC-I2"}, "i"),
        ({"FILTER": "HSC-R"}, "r"),
        ({"FILTER": "r.MP9602"}, "r"),
        ({"FILTER": "ZTF_g"}, "g"),
        ({"FILTER": "Sloan r'"}, "r"),
        ({"FILTER": "V"}, "V"),
        ({"FILTER": "Halpha"}, "Halpha"),
        ({"FILTER1": "CLEAR1L", "FILTER2": "F814W"}, "F814W"),
        ({"FILTER1": "F606W", "FILTER2": "CLEAR2L"}, "F606W"),
        ({"FILTNAM1": "F300W"}, "F300W"),
        ({"HIERARCH FPA.FILTERID": "i.00000"}, "i"),
        ({"HIERARCH ESO INS FILT1 NAME": "r_SDSS"}, "r"),
        ({"TELESCOP": "JWST", "FILTER": "F150W2", "PUPIL": "F162M"}, "F162M"),
        ({"TELESCOP": "JWST", "FILTER": "F200W", "PUPIL": "CLEAR"}, "F200W"),
        ({"FILTER": 3}, ""),
        ({}, ""),
    ],
)
def test_name_of_the_filter(header: dict[str, Any], name: str) -> None:
    assert band_name([fits.Header(header)]) == name


def test_the_primary_header_completes_that_of_the_extension() -> None:
    extension = fits.Header({"FILTER": "g", "GAIN": 4.0})
    primary = fits.Header({"FILTER": "r", "SATURATE": 60000, "MAGZERO": 30.1})
    band = read_band([extension, primary])
    assert (band.name, band.gain, band.saturation, band.zero_point) == ("g", 4.0, 60000, 30.1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"BUNIT": "nanomaggy"}, 22.5),
        ({"BUNIT": "nanomaggies", "MAGZERO": 30.0}, 22.5),
        ({"BUNIT": "nJy"}, 31.4),
        ({"BUNIT": "Jy/pixel"}, 8.9),
        ({"BUNIT": "Jy/beam"}, None),
        # A NIRCam pixel of 31 mas: PHOTMJSR aside, 1 MJy/sr is 2.26e-8 Jy
        ({"BUNIT": "MJy/sr", "PIXAR_SR": 2.26e-14}, 28.0148),
        ({"BUNIT": "MJy/sr", "PIXAR_A2": 0.000961}, 28.0154),
        ({"BUNIT": "MJy/sr"}, None),
        ({"MAGZERO": 30.2, "MAGZPT": 25.3, "EXPTIME": 90.0, "BUNIT": "adu"}, 30.2),
        ({"MAGZP": 26.1, "EXPTIME": 30.0}, 26.1),
        ({"MAGZPT": 23.0, "EXPTIME": 10.0, "CASUVERS": "1.3"}, 25.5),
        ({"PHOTZP": 30.0}, 30.0),
        ({"FLUXMAG0": 10.0**10.8}, 27.0),
        # ACS/WFC F814W, July 2009: 25.947 in AB (ACS zero point calculator)
        ({"BUNIT": "ELECTRONS/S", "PHOTFLAM": 7.033e-20, "PHOTPLAM": 8045.0}, 25.947),
        ({"BUNIT": "ELECTRONS", "EXPTIME": 100.0, "PHOTFLAM": 7.033e-20, "PHOTPLAM": 8045.0},
         30.947),
        ({"BUNIT": "ELECTRONS", "PHOTFLAM": 7.033e-20, "PHOTPLAM": 8045.0}, None),
        ({"PHOTZPT": -21.1}, None),
        ({"MAGZERO": "unknown"}, None),
        ({"MAGZERO": True}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_zero_point(header: dict[str, Any], expected: float | None) -> None:
    found = read_band([fits.Header(header)]).zero_point
    assert found == (None if expected is None else pytest.approx(expected, abs=3e-3))


def test_pixel_area_of_the_wcs_is_used_where_the_header_has_none() -> None:
    header = fits.Header({"BUNIT": "MJy/sr"})
    assert read_band([header], pixel_area=2.26e-14).zero_point == pytest.approx(28.0148, abs=1e-4)


@pytest.mark.parametrize(
    ("header", "gain"),
    [
        ({"GAIN": 1.5}, 1.5),
        ({"EGAIN": 0.25, "GAIN": 100, "OFFSET": 30}, 0.25),
        ({"GAIN": 100, "OFFSET": 30}, None),
        ({"GAIN": 80, "XPIXSZ": 2.9, "BAYERPAT": "GRBG"}, None),
        ({"BUNIT": "ELECTRONS", "CCDGAIN": 2.0}, 1.0),
        ({"BUNIT": "ELECTRONS/S", "CCDGAIN": 2.0, "EXPTIME": 500.0}, 500.0),
        ({"BUNIT": "adu/s", "GAIN": 2.0, "EXPTIME": 10.0}, 20.0),
        ({"BUNIT": "nanomaggy", "GAIN": 4.0}, None),
        ({"GAIN": 0.0, "ATODGAIN": 7.0}, 7.0),
    ],
)
def test_gain(header: dict[str, Any], gain: float | None) -> None:
    assert read_band([fits.Header(header)]).gain == gain


def test_the_lower_saturation_of_two_amplifiers_counts() -> None:
    band = read_band([fits.Header({"SATURATA": 43000.0, "SATURATB": 41000.0, "DATAMAX": 3.0})])
    assert band.saturation == 41000
    assert read_band([fits.Header({"DATAMAX": 3.0, "SATURATE": 0})]).saturation is None


def test_wavelengths_order_bands() -> None:
    for names in ("zyirgu", "KHJIRVBU", ("red", "green", "blue"), ("F160W", "F814W", "F435W")):
        found = [wavelength(name) or 0 for name in names if name != "y"]
        assert found == sorted(found, reverse=True)
    assert wavelength("F200W", "JWST") == 2000
    assert wavelength("SCI") is None
    lines = [wavelength(name) or 0 for name in ("SII 6nm", "Ha 3nm", "OIII", "Bessell B", "zs")]
    assert lines == [672, 656, 501, 445, 870]


@given(st.text(max_size=40))
def test_any_text_is_a_name(text: str) -> None:
    band = read_band([{"FILTER": text, "BUNIT": text, "EXPTIME": 3.0, "GAIN": 2.0}])
    assert isinstance(band.name, str)
    wavelength(text)
