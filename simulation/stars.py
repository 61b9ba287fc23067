"""Stars: colours along the stellar locus, halos and diffraction spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import SKY_NOISE, flux, spectrum
from .profiles import BETA, FWHM, point_source

__all__ = ["BRIGHTEST", "FAINTEST", "Spikes", "Star", "add_star", "draw_stars"]

Image = NDArray[np.float32]

BRIGHTEST, FAINTEST = 12.0, 22.4
SLOPE = 0.16
"""Growth of star counts at high latitude: 10 to the 0.16 per magnitude (Bahcall & Soneira)."""
HALO = np.array([0.042, 0.028, 0.022], dtype=np.float32)
"""Fraction of the light scattered into the halo, per band; largest in the red."""
SPIKES = 0.022
"""Fraction of the light in the diffraction spikes of the secondary mirror's vanes."""


@dataclass(frozen=True)
class Star:
    """A simulated star.

    Attributes
    ----------
    x, y : float
        Pixel-edge coordinates in the field.
    magnitude : float
        In r.
    g_minus_r, r_minus_i : float
        Colours.
    """

    x: float
    y: float
    magnitude: float
    g_minus_r: float
    r_minus_i: float


@dataclass(frozen=True)
class Spikes:
    """Directions of the diffraction spikes in each band; the camera rotates between exposures."""

    angles: tuple[float, float, float]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Spikes:
        """Draw a common direction, with differences of a degree between the bands.

        Parameters
        ----------
        rng : Generator
        """
        angle = rng.uniform(0, math.pi / 2)
        offsets = rng.normal(0, math.radians(1.0), 3)
        return cls((angle + offsets[0], angle + offsets[1], angle + offsets[2]))


def draw_stars(
    rng: np.random.Generator, number: int, width: int, height: int, brightest: float = BRIGHTEST
) -> list[Star]:
    """Draw stars with realistic counts and colours, anywhere in a field.

    Parameters
    ----------
    rng : Generator
    number : int
    width, height : int
        Size of the field, pixels.
    brightest : float
        Magnitude in r of the brightest star.

    Returns
    -------
    list of Star
    """
    low, high = 10 ** (SLOPE * brightest), 10 ** (SLOPE * FAINTEST)
    magnitudes = np.log10(rng.uniform(low, high, number)) / SLOPE
    stars = []
    for magnitude in magnitudes:
        g_minus_r, r_minus_i = _colours(rng, float(magnitude))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        stars.append(Star(float(x), float(y), float(magnitude), g_minus_r, r_minus_i))
    return stars


def add_star(light: Image, star: Star, spikes: Spikes, fwhm: float = FWHM) -> None:
    """Add the light of a star to a field, in place.

    Parameters
    ----------
    light : ndarray of float32, shape (H, W, 3)
        Nanomaggies in i, r, g.
    star : Star
    spikes : Spikes
    fwhm : float
        Full width at half maximum of the point spread function, pixels.
    """
    total = flux(star.magnitude)
    colours = spectrum(star.g_minus_r, star.r_minus_i) * np.float32(total)
    bright = total > 300
    half = _reach(total, fwhm)
    column, row = int(star.x), int(star.y)
    left, right = max(column - half, 0), min(column + half + 1, light.shape[1])
    top, bottom = max(row - half, 0), min(row + half + 1, light.shape[0])
    if left >= right or top >= bottom:
        return
    x, y = np.meshgrid(
        np.arange(left, right, dtype=np.float32) + np.float32(0.5 - star.x),
        np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - star.y),
    )
    radius = np.hypot(x, y)
    point = point_source(radius, fwhm, BETA)[..., None] * colours
    if bright:
        halo = point_source(radius, 8.0, 1.35)[..., None] * (HALO * colours)
        glare = np.stack([_cross(x, y, angle, fwhm) for angle in spikes.angles], axis=-1)
        rim = np.clip((half - radius) / np.float32(0.3 * half), 0, 1)[..., None]
        point = point + (halo + glare * colours) * rim
    light[top:bottom, left:right] += point


def _reach(total: float, fwhm: float) -> int:
    """Return the distance in pixels at which a star fades into the noise."""
    faint = 0.03 * float(SKY_NOISE.min())
    core = fwhm * (0.06 * total / faint) ** (1 / (2 * BETA))
    glow = 4.5 * (1.4e-4 * total / faint) ** (1 / 2.7) if total > 300 else 0.0
    return int(np.clip(max(core, glow), 6, 260)) + 2


def _cross(x: Image, y: Image, angle: float, fwhm: float) -> Image:
    """Return four spikes of total `SPIKES`, fading as a power of the distance."""
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    along, across = x * cosine + y * sine, y * cosine - x * sine
    near = 5.0 * fwhm
    # Integral over distance of (1 + d / near)^-2.2 is near / 1.2, four times.
    norm = SPIKES * 1.2 / (4 * near)
    return np.float32(norm) * (_ray(along, across, near, fwhm) + _ray(across, along, near, fwhm))


def _ray(along: Image, across: Image, near: float, fwhm: float) -> Image:
    width = 0.36 * fwhm
    ridge = np.exp(np.float32(-0.5 / width**2) * across * across)
    fade = (1 + np.abs(along) / np.float32(near)) ** np.float32(-2.2)
    light: Image = ridge * fade * np.float32(1 / (math.sqrt(2 * math.pi) * width))
    return light


def _colours(rng: np.random.Generator, magnitude: float) -> tuple[float, float]:
    """Draw g - r and r - i on the stellar locus (Covey et al. 2007, AJ 134, 2398)."""
    kind = rng.random()
    cool = float(np.clip(0.12 + 0.055 * (magnitude - 13), 0.08, 0.6))
    if kind < cool:
        return rng.normal(1.42, 0.05), 0.45 + 1.25 * rng.beta(1.6, 2.2)
    if kind > 0.97:
        hot = rng.normal(-0.1, 0.15)
        return hot, 0.4 * hot - 0.05
    warm = 0.32 + rng.gamma(1.7, 0.16)
    warm = min(warm, 1.35)
    return warm, 0.4 * warm - 0.06 + rng.normal(0, 0.02)
