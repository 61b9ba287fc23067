from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from galpipe.simulation.camera import SATURATION, flux, observed
from galpipe.simulation.profiles import FWHM, psf_kernel
from galpipe.simulation.stars import Spikes, Star, add_star, draw_stars

ALONG_AXES = Spikes((0.0, 0.0, 0.0))


def one_star(magnitude: float, size: int = 81) -> np.ndarray:
    light = np.zeros((size, size, 3), np.float32)
    star = Star(size / 2 + 0.3, size / 2 - 0.2, magnitude, 0.5, 0.15)
    add_star(light, star, ALONG_AXES)
    return light


def test_a_star_has_the_width_of_the_seeing() -> None:
    light = one_star(17.0)
    frame = observed(light, np.random.default_rng(1))[..., 1]
    y, x = np.indices(frame.shape) + 0.5
    radius = np.hypot(x - 40.8, y - 40.3)

    def law(r: np.ndarray, peak: float, alpha: float, beta: float) -> np.ndarray:
        return peak * (1 + (r / alpha) ** 2) ** -beta

    near = radius < 9
    (_, alpha, beta), _ = curve_fit(law, radius[near], frame[near], p0=(5.0, 3.0, 3.0))
    width = 2 * alpha * np.sqrt(2 ** (1 / beta) - 1)

    assert width * 0.396 == pytest.approx(1.3, rel=0.03)
    assert pytest.approx(1.3) == FWHM * 0.396


def test_a_star_has_the_flux_and_colours_of_its_magnitude() -> None:
    total = one_star(19.0).sum(axis=(0, 1), dtype=float)

    assert total[1] == pytest.approx(flux(19.0), rel=0.03)
    assert 2.5 * np.log10(total[1] / total[2]) == pytest.approx(0.5, abs=1e-3)
    assert 2.5 * np.log10(total[0] / total[1]) == pytest.approx(0.15, abs=1e-3)


def test_bright_stars_have_spikes_and_full_cores() -> None:
    light = one_star(12.0, 161)
    frame = observed(light, np.random.default_rng(1))

    assert frame.max() == pytest.approx(SATURATION)
    along, aside = light[80, 130, 1], light[80 + 35, 80 + 35, 1]
    assert along > 3 * aside
    faint = one_star(18.0, 161)
    assert faint[80, 130, 1] < 1e-3


def test_a_star_off_the_field_leaves_it_alone() -> None:
    light = np.zeros((32, 32, 3), np.float32)

    add_star(light, Star(-300.0, 10.0, 20.0, 0.5, 0.2), ALONG_AXES)

    assert not light.any()


def test_counts_grow_with_magnitude_and_colours_follow_the_locus() -> None:
    stars = draw_stars(np.random.default_rng(2), 3000, 100, 200)
    magnitudes = np.array([star.magnitude for star in stars])
    cool = np.array([star.r_minus_i for star in stars if star.g_minus_r > 1.3])
    warm = np.array([(s.g_minus_r, s.r_minus_i) for s in stars if 0.3 < s.g_minus_r < 1.0])

    faint, fainter = np.sum(magnitudes < 19), np.sum(magnitudes < 21)
    assert fainter / faint == pytest.approx(10**0.32, rel=0.2)
    assert cool.max() > 1.2
    assert warm[:, 1] == pytest.approx(0.4 * warm[:, 0] - 0.06, abs=0.1)
    assert max(star.y for star in stars) > 150


@pytest.mark.parametrize("oversampling", [1, 2, 3])
def test_the_kernel_keeps_the_light(oversampling: int) -> None:
    kernel = psf_kernel(oversampling)

    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel == pytest.approx(kernel[::-1, ::-1])
