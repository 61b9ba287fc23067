"""Draw the cutout of one galaxy of a given class, with the objects around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import PIXEL_SCALE
from .grid import Grid
from .profiles import blurred
from .smooth import in_between
from .stars import Spikes, Star, add_star, draw_stars
from .surveys import Survey
from .varieties import VARIETIES

__all__ = ["CutoutScene", "draw_scene"]

Image = NDArray[np.float32]

# Side of a cutout over the diameter of its galaxy; the default crop of a run has 1.5.
_MARGINS = (1.25, 2.1)
# Largest diameter of a galaxy in units of the seeing, and the distance of its centre from the
# middle, in diameters.
_LARGEST, _OFF_CENTRE = 32.0, 0.04
# Standard deviations of the surface brightness (natural logarithm) and of g - r (magnitudes)
# between galaxies drawn in one way.
_BRIGHTNESS, _COLOUR_SPREAD = 0.3, 0.07
# Per square arcsecond: stars to magnitude 22.4 at high latitude and twice that at lower, and
# background galaxies.
_STARS, _FAINT = 4e-4, 1.0e-3
# Magnitude in r, and r - i; redder stars are too faint to stand out.
_BRIGHTEST_STAR, _REDDEST_STAR = 15.0, 0.9
# Fraction of the cutouts with a large neighbour beside the galaxy.
_WITH_NEIGHBOUR = 0.15


@dataclass(frozen=True)
class CutoutScene:
    """The light of a cutout, without noise.

    Attributes
    ----------
    light : ndarray of float32, shape (n, n, 3)
        Surface brightness in i, r, g: nanomaggies per SDSS pixel.
    scale : float
        Arcseconds per pixel.
    diameter : float
        Approximate longest extent of the galaxy on an SDSS frame, arcseconds.
    seeing : float
        Full width at half maximum of point sources, arcseconds.
    """

    light: Image
    scale: float
    diameter: float
    seeing: float


def draw_scene(
    class_id: int, survey: Survey, side: int, rng: np.random.Generator, *, alone: bool = False
) -> CutoutScene:
    """Draw a galaxy of a class in the middle of a cutout, and stars and galaxies around it.

    Parameters
    ----------
    class_id : int
        Index into `GALAXY10_DECALS`.
    survey : Survey
        Sets pixel scale and seeing.
    side : int
        Largest side of the scene, pixels; smaller galaxies are drawn at the pixels of the survey.
    rng : Generator
    alone : bool
        Draw no other objects.
    """
    varieties = VARIETIES[class_id]
    seeing = rng.uniform(*survey.seeing)
    resolution = math.exp(rng.uniform(math.log(varieties.smallest), math.log(_LARGEST)))
    diameter = resolution * seeing
    width = diameter * rng.uniform(*_MARGINS)
    samples = min(side, math.ceil(width / survey.pixel_scale))
    scale = width / samples
    fwhm = seeing / scale
    # Light from outside is blurred into the cutout.
    border = math.ceil(2 * fwhm)
    size = samples + 2 * border
    shift = rng.normal(0, _OFF_CENTRE * diameter / scale, 2)
    grid = Grid.around(size, 1, (float(shift[0]), float(shift[1])))
    radius = diameter / scale / 2
    light = varieties.draw(rng)(grid, radius, rng)
    gain = varieties.brightness * math.exp(rng.normal(0, _BRIGHTNESS))
    light = _coloured(light, rng) * np.float32(gain)
    if not alone:
        light = light + _other_galaxies(size, diameter / scale, scale, rng)
    light = blurred(light, grid, fwhm)
    if not alone:
        _add_stars(light, scale, fwhm, rng)
    inside = slice(border, border + samples)
    return CutoutScene(np.ascontiguousarray(light[inside, inside]), scale, diameter, seeing)


def _coloured(light: Image, rng: np.random.Generator) -> Image:
    """Return light redder or bluer by a random redshift and the scatter of galaxies of one kind."""
    # The mean k-corrections of `draw_galaxy`.
    redshift = rng.gamma(2.0, 0.03)
    bluer = rng.normal(0.02, _COLOUR_SPREAD)
    factors = [10 ** (0.16 * redshift), 1, 10 ** (0.4 * bluer - 0.64 * redshift)]
    return light * np.array(factors, np.float32)


def _other_galaxies(size: int, diameter: float, scale: float, rng: np.random.Generator) -> Image:
    """Return the light of faint galaxies anywhere and, at times, of a large one aside."""
    light = np.zeros((size, size, 3), np.float32)
    for _ in range(rng.poisson(_FAINT * (size * scale) ** 2)):
        reach = float(np.clip(1.6 * (1 - rng.random()) ** -0.4, 0, 6)) / scale / 2
        _add_galaxy(light, rng.uniform(0, size, 2), reach, rng)
    if rng.random() < _WITH_NEIGHBOUR:
        reach = rng.uniform(0.12, 0.35) * diameter
        heading = rng.uniform(0, 2 * math.pi)
        away = rng.uniform(0.55, 0.9) * diameter + reach
        place = size / 2 + away * np.array([math.cos(heading), math.sin(heading)])
        _add_galaxy(light, place, reach, rng)
    return light


def _add_galaxy(
    light: Image, place: NDArray[np.float64], radius: float, rng: np.random.Generator
) -> None:
    """Add a smooth galaxy, in place."""
    half = math.ceil(2.0 * radius) + 2
    left, top = (int(value) - half for value in place)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + 2 * half, light.shape[1]), min(top + 2 * half, light.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    grid = Grid.around(2 * half, 1, (place[0] - left - half, place[1] - top - half))
    drawn = _coloured(in_between(grid, radius, rng), rng)
    light[y0:y1, x0:x1] += drawn[y0 - top : y1 - top, x0 - left : x1 - left]


def _add_stars(light: Image, scale: float, fwhm: float, rng: np.random.Generator) -> None:
    """Add stars, in place, as surface brightness."""
    density = _STARS * math.exp(rng.uniform(0, 1.4))
    number = rng.poisson(density * (len(light) * scale) ** 2)
    spikes = Spikes.drawn(rng)
    dimmer = 5 * math.log10(PIXEL_SCALE / scale)
    for star in draw_stars(rng, number, len(light), len(light), _BRIGHTEST_STAR):
        red = min(star.r_minus_i, _REDDEST_STAR)
        spread = Star(star.x, star.y, star.magnitude - dimmer, star.g_minus_r, red)
        add_star(light, spread, spikes, fwhm)
