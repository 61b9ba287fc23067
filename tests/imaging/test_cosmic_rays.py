from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.imaging import Field, Stretch, estimate_background, prepare_field, to_rgb
from galpipe.imaging.cosmic_rays import mask_cosmic_rays
from galpipe.imaging.local_background import noise_scaled
from galpipe.imaging.psf import PSF, measure_psf
from galpipe.imaging.saturation import saturated_pixels
from galpipe.simulation import simulate_field


def exposure(fwhm: float, seed: int = 3) -> Field:
    """Return the r band of a simulated field, as an exposure of one band."""
    field = simulate_field(seed, width=500, height=400, galaxies=8, stars=60, fwhm=fwhm).field
    return replace(field, pixels=field.pixels[..., 1:2].copy(), bands=field.bands[:1])


def with_hits(field: Field, count: int = 60) -> tuple[Field, NDArray[np.bool_]]:
    """Add tracks, one pixel wide, of 20 to 150 times the noise."""
    rng = np.random.default_rng(4)
    pixels, hit = field.pixels.copy(), np.zeros(field.bad.shape, dtype=bool)
    for _ in range(count):
        angle, steps = rng.uniform(0, np.pi), np.arange(0, rng.uniform(1, 20), 0.3)
        x = (rng.uniform(25, 475) + steps * np.cos(angle)).astype(int)
        y = (rng.uniform(25, 375) + steps * np.sin(angle)).astype(int)
        pixels[y, x, 0] += 0.03 * rng.uniform(20, 150)
        hit[y, x] = True
    return replace(field, pixels=pixels), hit


def masked(field: Field) -> tuple[Field, NDArray[np.bool_]]:
    background, saturated = estimate_background(field), saturated_pixels(field)
    psf = measure_psf(noise_scaled(field, background), field.bad | saturated)
    return mask_cosmic_rays(field, background, psf, saturated)


@pytest.mark.parametrize("fwhm", [2.0, 3.3, 6.0])
def test_hits_are_found_and_sources_are_kept(fwhm: float) -> None:
    clean = exposure(fwhm)
    same, none = masked(clean)
    assert same is clean
    assert not none.any()
    field, truth = with_hits(clean)
    marked, found = masked(field)
    assert found[truth].mean() > 0.95
    assert np.count_nonzero(found & ~truth) <= 0.05 * found.sum()
    assert marked.bad[found].all()
    assert marked.bad_counts == {"cosmic ray": found.sum()}
    assert "hit by cosmic rays" in marked.notes[-1]


def test_hot_pixels_and_columns_are_found() -> None:
    field = exposure(3.3)
    field.pixels[50, 60] += 2.0
    field.pixels[100:300, 200] += 0.6
    _, found = masked(field)
    assert found[50, 60]
    assert found[100:300, 200].mean() > 0.9


def test_nothing_is_marked_where_stars_are_as_sharp_as_hits() -> None:
    field, _ = with_hits(exposure(3.3))
    background = estimate_background(field)
    for psf in (None, PSF(1.5, 20, 1.6)):
        assert mask_cosmic_rays(field, background, psf, field.bad)[0] is field


def test_saturated_stars_and_spilt_charge_are_no_hits(make_field: Callable[..., Field]) -> None:
    field = exposure(3.3)
    pixels = np.minimum(field.pixels, 1.0)
    pixels[100:200, 240:242] = 1.0
    _, found = masked(replace(field, pixels=pixels))
    assert not found.any()


def test_the_picture_shows_the_neighbours_in_place_of_hits() -> None:
    clean = exposure(3.3)
    field, truth = with_hits(clean)
    prepared = prepare_field(field, Stretch())
    expected = to_rgb(clean)
    assert np.abs(prepared.rgb.astype(int) - expected)[truth].mean() < 12
    np.testing.assert_array_equal(prepared.field.bad, prepared.cosmic_rays)


def test_single_photons_are_no_hits(make_field: Callable[..., Field]) -> None:
    photons = np.random.default_rng(0).poisson(0.1, (200, 200, 1)).astype(np.float32)
    field = make_field(photons)
    background = estimate_background(field)
    assert mask_cosmic_rays(field, background, PSF(3.0, 20, 1.6), field.bad)[0] is field
