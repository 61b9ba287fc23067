from __future__ import annotations

import math

import numpy as np
import pytest

from galpipe.simulation.grid import Grid, clumps, incline, random_field, sampled_field, super_radius


def test_the_centre_of_the_plane_is_its_origin() -> None:
    grid = Grid.around(8, 3)

    assert grid.x.shape == (24, 24)
    assert grid.x.mean() == pytest.approx(0, abs=1e-6)
    assert grid.x[0, 0] == pytest.approx(-4 + 1 / 6)


def test_binning_keeps_the_mean() -> None:
    grid = Grid.around(6, 3)
    light = np.random.default_rng(1).random((18, 18, 3)).astype(np.float32)

    pixels = grid.binned(light)

    assert pixels.shape == (6, 6, 3)
    assert pixels[0, 0] == pytest.approx(light[:3, :3].mean(axis=(0, 1)), rel=1e-5)


def test_an_inclined_disc_is_foreshortened_across_its_nodes() -> None:
    grid = Grid.around(41, 1)
    radius, azimuth = incline(grid, 0.5, math.pi / 2)

    # The line of nodes runs along y: 10 pixels there are 10 in the plane, along x they are 20.
    assert radius[30, 20] == pytest.approx(10, rel=1e-2)
    assert radius[20, 30] == pytest.approx(20, rel=1e-2)
    assert azimuth[30, 20] == pytest.approx(0, abs=1e-6)


def test_super_radius_of_two_is_the_length() -> None:
    length = super_radius(np.float32([3.0, -3.0]), np.float32([4.0, 4.0]), 2.0)

    assert length == pytest.approx([5, 5], rel=1e-5)


@pytest.mark.parametrize("oversampling", [1, 3])
def test_clumps_keep_their_flux_and_place(oversampling: float) -> None:
    grid = Grid.around(64, int(oversampling))
    x, y = np.array([5.3, -12.2]), np.array([-7.6, 10.1])

    light = clumps(grid, x, y, np.array([2.0, 0.0]), np.array([1.5, 0.8]))

    weight = light / light.sum()
    assert light.sum() / grid.oversampling**2 == pytest.approx(2.0, rel=1e-3)
    assert (weight * grid.x).sum() == pytest.approx(5.3, abs=0.02)
    assert (weight * grid.y).sum() == pytest.approx(-7.6, abs=0.02)


def test_random_field_is_standard_normal_and_smooth() -> None:
    field = random_field(np.random.default_rng(2), (120, 150), 8.0)

    assert field.shape == (120, 150)
    assert (field.mean(), field.std()) == pytest.approx((0, 1), abs=1e-4)
    assert np.corrcoef(field[:, 1:].ravel(), field[:, :-1].ravel())[0, 1] > 0.95


def test_sampled_field_repeats_after_its_period() -> None:
    u, v = np.float32([[1.25, 30.5]]), np.float32([[63.5, 2.0]])

    once = sampled_field(np.random.default_rng(3), u, v, 2.0)
    again = sampled_field(np.random.default_rng(3), u + 64, v - 64, 2.0)

    assert again == pytest.approx(once, abs=1e-4)
