from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.wcs import WCS, Sip

from galpipe.imaging import Field


def field(wcs: WCS | None) -> Field:
    bad = np.zeros((80, 100), bool)
    return Field(np.zeros((80, 100, 1)), "a", (Path("a.fits"),), "0", bad, wcs=wcs)


@pytest.fixture
def wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 40.0]
    wcs.wcs.crpix = [50.5, 40.5]
    wcs.wcs.cd = [[-1e-4, 2e-5], [2e-5, 1e-4]]
    return wcs


def test_pixel_is_the_inverse_of_sky(wcs: WCS) -> None:
    x, y = np.array([0.0, 50.0, 99.5, -500.0]), np.array([0.0, 40.0, 3.25, 900.0])
    ra, dec = field(wcs).sky(x, y)
    assert (ra[1], dec[1]) == pytest.approx((150.0, 40.0))
    np.testing.assert_allclose(field(wcs).pixel(ra, dec), (x, y), atol=1e-6)


def test_distortion_is_undone_and_what_is_beyond_it_lost(wcs: WCS) -> None:
    quadratic = np.zeros((3, 3))
    quadratic[2, 0] = 1e-3
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.sip = Sip(quadratic, quadratic * 0, None, None, [50.5, 40.5])
    ra, dec = field(wcs).sky([10.0, 70.0], [20.0, 30.0])
    x, y = field(wcs).pixel([*ra, 152.0], [*dec, 40.0])
    np.testing.assert_allclose(x[:2], [10, 70], atol=1e-3)
    np.testing.assert_allclose(y[:2], [20, 30], atol=1e-3)
    assert np.isnan(x[2])


def test_what_has_no_place_is_nan(wcs: WCS) -> None:
    assert np.isnan(field(None).pixel(150.0, 40.0)).all()
    x, y = field(wcs).pixel([330.0, np.nan, 150.0, 150.0], [-40.0, 40.0, 91.0, np.inf])
    assert np.isnan(x).all()
    assert np.isnan(y).all()
