from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.imaging import Field, Stretch, estimate_background, prepare_field
from galpipe.imaging.local_background import noise_scaled
from galpipe.imaging.psf import PSF, measure_psf, point_sources
from galpipe.imaging.saturation import saturated_pixels
from galpipe.simulation import simulate_field

MakeField = Callable[..., Field]
SIDE = 420


def moffat(fwhm: float, beta: float, peak: float, x: float, y: float, side: int) -> NDArray:
    """Return a star on a square of pixels, averaged over each pixel."""
    line = (np.arange(3 * side) + 0.5) / 3
    radius = np.hypot(line - x, (line - y)[:, None])
    core = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    light = peak * (1 + (radius / core) ** 2) ** -beta
    return cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)


def star_field(fwhm: float, beta: float = 3.0, stars: int = 16, seed: int = 1) -> NDArray:
    """Return sky noise of sigma 1 and stars on a loose grid."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    cells = rng.permutation(25)[:stars]
    side = SIDE // 5
    for cell in cells:
        x, y = rng.uniform(0.4 * side, 0.6 * side, 2)
        row, column = side * (cell // 5), side * (cell % 5)
        star = moffat(fwhm, beta, float(10 ** rng.uniform(1.7, 3.2)), x, y, side)
        pixels[row : row + side, column : column + side] += star
    return pixels


def measured(field: Field) -> PSF | None:
    image = noise_scaled(field, estimate_background(field))
    return measure_psf(image, field.bad | saturated_pixels(field))


@pytest.mark.parametrize("beta", [2.5, 4.7, 50.0])
@pytest.mark.parametrize("fwhm", [1.5, 2.5, 5.0, 12.0])
def test_width_of_simulated_stars(make_field: MakeField, fwhm: float, beta: float) -> None:
    psf = measured(make_field(star_field(fwhm, beta)[..., None]))
    assert psf is not None
    # A pixel broadens a profile by its own variance of 1 / 12.
    seen = np.hypot(fwhm, 2.355 / np.sqrt(12)) if fwhm < 2 else fwhm
    assert psf.fwhm == pytest.approx(seen, rel=0.1)


def test_faint_stars_of_a_broad_profile_are_found_on_a_reduced_field(make_field: MakeField) -> None:
    pixels = star_field(9.0, stars=6)
    psf = measured(make_field((pixels / 8 + star_field(9.0, stars=0, seed=2))[..., None]))
    assert psf is not None
    assert psf.fwhm == pytest.approx(9, rel=0.1)


def test_few_stars_among_galaxies() -> None:
    psf = measured(simulate_field(11, width=640, height=512, galaxies=8).field)
    assert psf is not None
    assert psf.fwhm == pytest.approx(1.3 / 0.396, rel=0.05)


def test_hits_and_hot_pixels_are_not_stars(make_field: MakeField) -> None:
    pixels = star_field(3.0)
    rng = np.random.default_rng(5)
    for x, y, angle in zip(
        *rng.uniform(20, SIDE - 20, (2, 80)), rng.uniform(0, 6, 80), strict=True
    ):
        steps = np.arange(0, rng.uniform(1, 15), 0.3)
        pixels[(y + steps * np.sin(angle)).astype(int), (x + steps * np.cos(angle)).astype(int)] = (
            300
        )
    rows, columns = rng.integers(5, SIDE - 5, (2, 80))
    pixels[rows, columns] = 500
    psf = measured(make_field(pixels[..., None]))
    assert psf is not None
    assert psf.fwhm == pytest.approx(3, rel=0.1)


def test_no_stars_no_width(make_field: MakeField, noise: Callable[..., NDArray]) -> None:
    assert measured(make_field(noise((200, 200, 1)))) is None
    assert measured(make_field(star_field(3.0, stars=2)[..., None])) is None
    rng = np.random.default_rng(1)
    pixels = noise((SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    for size in np.geomspace(3, 25, 14):
        column, row = rng.uniform(60, SIDE - 60, 2)
        pixels += 60 * np.exp(-np.hypot(x - column, y - row) / np.float32(size)).astype(np.float32)
    assert measured(make_field(pixels[..., None])) is None


def test_stars_and_pairs_of_stars_are_points_and_galaxies_are_not(make_field: MakeField) -> None:
    pixels = star_field(6.0, stars=12)
    free = star_field(6.0, stars=0, seed=9)
    y, x = np.mgrid[:SIDE, :SIDE]
    pair = moffat(6, 3, 60, 100.3, 100, SIDE) + moffat(6, 3, 40, 114.6, 100.2, SIDE)
    disc = 80 * np.exp(-np.hypot((x - 300) / 8, (y - 300) / 3))
    disc = cv2.GaussianBlur(disc, (0, 0), 2.5)
    psf = measured(make_field(pixels[..., None]))
    assert psf is not None
    scene = make_field((free + pair + disc)[..., None].astype(np.float32))
    boxes = np.array([[90.0, 90, 122, 112], [280, 288, 320, 312]])
    image = noise_scaled(scene, estimate_background(scene))
    assert point_sources(image, psf, boxes).tolist() == [True, False]
    assert point_sources(image, psf, np.empty((0, 4))).tolist() == []


def test_a_field_of_broad_stars_is_reduced_and_said_so(make_field: MakeField) -> None:
    field = make_field(star_field(12.0, stars=8)[..., None])
    prepared = prepare_field(field, Stretch(), (1.3, 4.0))
    assert prepared.sampling == pytest.approx(0.75, abs=0.02)
    assert prepared.searched.shape == (*(round(SIDE * prepared.sampling),) * 2, 3)
    assert prepared.rgb.shape == (SIDE, SIDE, 3)
    (note,) = prepared.quality.notes
    assert "stars are 12.0 pixels wide" in note
    sharp = prepare_field(make_field(star_field(3.0)[..., None]), Stretch(), (1.3, 4.0))
    assert (sharp.sampling, sharp.quality.notes) == (1.0, ())
    assert prepare_field(field, Stretch()).sampling == 1


def test_a_missing_pixel_leaves_no_hole_in_a_reduced_field(make_field: MakeField) -> None:
    pixels = star_field(20.0)[..., None] + 1000
    bad = np.zeros((SIDE, SIDE), dtype=bool)
    bad[205, 205] = True
    whole = prepare_field(make_field(pixels), Stretch(), (1.3, 4.0))
    missing = prepare_field(
        make_field(np.where(bad[..., None], np.float32(0), pixels), bad=bad), Stretch(), (1.3, 4.0)
    )
    assert missing.sampling == whole.sampling < 0.6
    difference = missing.searched.astype(int) - whole.searched
    assert np.abs(difference).max() < 25
