from __future__ import annotations

import numpy as np
import pytest

from galpipe.photometry.apertures import (
    Aperture,
    half_light_radius,
    kron_aperture,
    without_others,
)
from galpipe.photometry.shapes import Shape

from .conftest import gaussian


def test_sum_and_error_of_an_aperture() -> None:
    aperture = Aperture(30, 30, 10, 5, 0.3)
    ones = np.ones((61, 61), np.float32)
    area = np.pi * 50
    flux, error = aperture.flux(ones, 2 * ones, None)
    assert (flux, error) == pytest.approx((area, 2 * np.sqrt(area)), rel=0.01)
    # The photon noise of the object is added: 4 electrons per unit.
    _, error = aperture.flux(ones, 2 * ones, 4.0)
    assert error == pytest.approx(np.sqrt(4 * area + area / 4), rel=0.01)
    assert aperture.inside((61, 61)).sum() == pytest.approx(area, rel=0.02)
    mask = np.zeros((61, 61), bool)
    mask[:, :30] = True
    assert aperture.share(mask) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("theta", [0.0, 0.4, np.pi / 2])
def test_extent(theta: float) -> None:
    aperture = Aperture(40, 40, 20, 8, theta)
    rows, columns = np.nonzero(aperture.inside((81, 81)))
    across, down = aperture.extent()
    assert (np.ptp(columns) / 2, np.ptp(rows) / 2) == pytest.approx((across, down), abs=1)


def test_kron_aperture_of_a_gaussian() -> None:
    light = gaussian((121, 121), 60, 60, 6, 3, 40)
    aperture = kron_aperture(light, Shape(60, 60, 6, 3, np.radians(40)))
    # The first moment of a Gaussian is sqrt(pi / 2) = 1.25 of its width: less than 3.5 / 2.5.
    assert (aperture.a, aperture.b) == pytest.approx((21, 10.5))
    assert aperture.flux(light, light, None)[0] == pytest.approx(0.998, abs=0.003)
    # Of an exponential disc within six scale lengths it is 1.96 scale lengths.
    radius = np.hypot(*(np.mgrid[:121, :121] - 60)).astype(np.float32)
    aperture = kron_aperture(np.exp(-radius / 8), Shape(60, 60, 8, 8, 0))
    assert aperture.a / 8 == pytest.approx(2.5 * 1.9, abs=0.1)


@pytest.mark.parametrize("light", [np.zeros((50, 50)), -np.ones((50, 50)), np.ones((50, 50))])
def test_kron_aperture_of_no_object(light: np.ndarray) -> None:
    aperture = kron_aperture(light.astype(np.float32), Shape(25, 25, 3, 2, 0))
    assert 3.5 * 3 <= aperture.a <= 10 * 3


def test_half_light_radius_of_a_gaussian() -> None:
    light = gaussian((121, 121), 60, 60, 6, 6)
    aperture = Aperture(60, 60, 40, 40, 0)
    assert half_light_radius(light, aperture, 1.0) == pytest.approx(6 * 1.1774, abs=0.05)
    assert np.isnan(half_light_radius(light, aperture, 0.0))
    assert np.isnan(half_light_radius(light, aperture, float("nan")))


def test_others_are_replaced_by_the_opposite_side() -> None:
    light = gaussian((41, 41), 20, 20, 5, 5)
    others = np.zeros((41, 41), bool)
    others[15:20, 28:33] = True
    disturbed = np.where(others, np.float32(9), light)
    np.testing.assert_allclose(without_others(disturbed, others, 20, 20), light, atol=1e-7)
    # Where both sides are masked, or the opposite one is outside, the sky is left.
    others |= others[::-1, ::-1]
    assert (without_others(disturbed, others, 20, 20)[others] == 0).all()
    others = np.zeros((41, 41), bool)
    others[0, 0] = True
    assert without_others(disturbed, others, 30, 30)[0, 0] == 0
