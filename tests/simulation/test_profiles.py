from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.simulation import profiles
from galpipe.simulation.grid import Grid

GRID = Grid.around(401, 2)


def total(light: np.ndarray) -> float:
    return float(light.sum(dtype=np.float64)) / GRID.oversampling**2


@pytest.mark.parametrize("index", [0.8, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("axis_ratio", [1.0, 0.4])
def test_sersic_keeps_its_flux(index: float, axis_ratio: float) -> None:
    light = profiles.sersic(GRID.ellipse(axis_ratio, 0.7), 12.0, index)

    # A de Vaucouleurs law has 3 % of its light beyond sixteen effective radii.
    assert total(light) == pytest.approx(profiles.sersic_flux(12.0, index, axis_ratio), rel=0.04)


@pytest.mark.parametrize("index", [0.8, 1.0, 2.5])
def test_half_of_the_light_is_inside_the_effective_radius(index: float) -> None:
    radius = GRID.ellipse(1.0, 0.0)
    light = profiles.sersic(radius, 12.0, index)

    inside = total(np.where(radius < 12.0, light, 0))

    assert inside / profiles.sersic_flux(12.0, index) == pytest.approx(0.5, abs=0.01)


def test_a_sersic_law_of_index_one_is_an_exponential() -> None:
    radius = np.linspace(0, 50, 101, dtype=np.float32)

    law = profiles.sersic(radius, 1.6783 * 6.0, 1.0)

    assert law / law[0] == pytest.approx(profiles.exponential(radius, 6.0), rel=1e-3)


@given(
    isophote=st.floats(3, 100),
    level=st.floats(0.01, 0.9),
    index=st.floats(0.6, 5.0),
)
def test_the_sersic_radius_puts_the_isophote_where_asked(
    isophote: float, level: float, index: float
) -> None:
    effective = profiles.sersic_radius(isophote, level, index)
    law = profiles.sersic(np.array([isophote], np.float32), effective, index)

    assert law[0] == pytest.approx(level, rel=2e-3)


def test_exponential_disc_keeps_its_flux() -> None:
    light = profiles.exponential(GRID.ellipse(0.6, 1.0), 10.0)

    assert total(light) == pytest.approx(profiles.exponential_flux(10.0, 0.6), rel=0.01)


def test_edge_on_disc_keeps_its_flux() -> None:
    along, across = GRID.turned(0.3)

    light = profiles.edge_on_disc(along, across, 18.0, 4.0)

    assert total(light) == pytest.approx(profiles.edge_on_disc_flux(18.0, 4.0), rel=0.01)


def test_edge_on_disc_falls_by_the_square_of_the_hyperbolic_secant() -> None:
    heights = np.array([0.0, 3.0, 6.0], np.float32)

    light = profiles.edge_on_disc(np.full(3, 5.0, np.float32), heights, 10.0, 3.0)

    assert light[1:] / light[0] == pytest.approx([1 / math.cosh(1) ** 2, 1 / math.cosh(2) ** 2])


@pytest.mark.parametrize("beta", [2.5, 3.0, 4.8])
def test_moffat_has_its_width_and_total(beta: float) -> None:
    light = profiles.point_source(GRID.ellipse(1.0, 0.0), 3.3, beta)
    half, peak = profiles.point_source(np.array([1.65, 0.0], np.float32), 3.3, beta)

    assert half == pytest.approx(peak / 2, rel=1e-4)
    assert total(light) == pytest.approx(1, abs=0.02)
