from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.wcs import WCS

from galpipe.imaging import Field
from galpipe.photometry.shapes import Shape, measure_shape, sky_jacobian

from .conftest import gaussian


@pytest.mark.parametrize("theta", [-80.0, -45.0, 0.0, 30.0, 90.0])
def test_moments_of_an_ellipse(theta: float) -> None:
    light = gaussian((101, 121), 60.3, 49.8, 8, 4, theta)
    shape = measure_shape(light, light > 0)
    assert shape is not None
    assert (shape.x, shape.y) == pytest.approx((60.3, 49.8), abs=0.01)
    assert (shape.a, shape.b) == pytest.approx((8, 4), rel=0.01)
    assert (np.degrees(shape.theta) - theta + 90) % 180 - 90 == pytest.approx(0, abs=0.1)
    moments = shape.moments
    again = Shape.of_moments(shape.x, shape.y, moments)
    assert (again.a, again.b) == pytest.approx((shape.a, shape.b))


def test_one_pixel_has_a_size_and_no_light_has_no_shape() -> None:
    light = np.zeros((9, 9), np.float32)
    own = np.zeros((9, 9), bool)
    own[4, 4] = True
    assert measure_shape(light, own) is None
    light[4, 4] = 2
    shape = measure_shape(light, own)
    assert shape is not None
    assert (shape.a, shape.b) == pytest.approx((12**-0.5, 12**-0.5))


def sky(turn: float, *, mirrored: bool, dec: float) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [359.9999, dec]
    wcs.wcs.crpix = [50.5, 50.5]
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    east = 1 if mirrored else -1
    wcs.wcs.cd = 0.4 / 3600 * np.array([[east * cos, east * -sin], [sin, cos]])
    return wcs


@pytest.mark.parametrize("turn", [0.0, 35.0, 90.0, 160.0, 250.0])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("dec", [0.0, -60.0, 89.9])
def test_position_angles_are_east_of_north(
    make_field: Callable[..., Field], turn: float, mirrored: bool, dec: float
) -> None:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

    field = make_field(np.zeros((100, 100)), wcs=sky(turn, mirrored=mirrored, dec=dec))
    [jacobian] = sky_jacobian(field, np.array([50.0]), np.array([50.0]))
    assert abs(np.linalg.det(jacobian)) == pytest.approx(0.16, rel=1e-4)
    centre = SkyCoord(*field.sky(50, 50), unit="deg")
    for angle in (20.0, 115.0):
        end = centre.directional_offset_by(Quantity(angle, "deg"), Quantity(4, "arcsec"))
        x, y = field.pixel(end.ra.deg, end.dec.deg)
        north, east = jacobian @ np.array([float(x) - 50, float(y) - 50])
        assert np.degrees(np.arctan2(east, north)) == pytest.approx(angle, abs=0.05)
        assert np.hypot(east, north) == pytest.approx(4, rel=1e-3)


def test_there_is_no_position_angle_without_a_wcs(make_field: Callable[..., Field]) -> None:
    middle = np.array([4.0, 5.0])
    jacobian = sky_jacobian(make_field(np.zeros((9, 9))), middle, middle)
    assert jacobian.shape == (2, 2, 2)
    assert np.isnan(jacobian).all()
