"""Disc galaxies seen from above: spirals with and without a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bands import ISOPHOTE, spectrum, surface_flux
from .grid import Grid, incline, super_radius
from .profiles import exponential, exponential_flux, ferrers, sersic, sersic_flux
from .spiral import SpiralArms
from .texture import clumps

__all__ = ["Disc", "barred_spiral", "dust_absorption", "loose_spiral", "tight_spiral"]

Image = NDArray[np.float32]

# Absorption in i, r, g relative to the mean (Cardelli et al. 1989 law, as diluted by stars in
# front of the dust).
_REDDENING = np.array([0.75, 1.0, 1.3], dtype=np.float32)


@dataclass(frozen=True)
class Disc:
    """What the kinds of spiral share.

    Attributes
    ----------
    scale : float
        Exponential scale length, pixels.
    centre : float
        Central surface brightness of the disc in r, nanomaggies per pixel, seen face-on.
    axis_ratio, angle : float
        Cosine of the inclination and direction of the line of nodes.
    colour : float
        g - r of the disc between the arms.
    """

    scale: float
    centre: float
    axis_ratio: float
    angle: float
    colour: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, radius: float, axis_ratio: float) -> Disc:
        """Disc that reaches the isophote of a frame at about the given radius (pixels)."""
        # Freeman's law, 21.65 mag/arcsec^2 in B, is about 20.6 in r; what a flux-limited survey
        # shows is brighter.
        centre = surface_flux(rng.normal(20.0, 0.35))
        return cls(
            scale=radius / math.log(centre / ISOPHOTE),
            centre=centre,
            axis_ratio=axis_ratio,
            angle=rng.uniform(0, math.pi),
            colour=float(np.clip(rng.normal(0.47, 0.07), 0.32, 0.65)),
        )


def dust_absorption(depth: Image) -> Image:
    """Fraction of the light that passes dust of the given depth, shape (H, W, 3)."""
    return np.exp(-depth[..., None] * _REDDENING)


def tight_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Spiral whose arms are wound closely (pitch of 8 to 14 degrees)."""
    disc = Disc.drawn(rng, radius, rng.uniform(0.5, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=2 if rng.random() < 0.75 else 3,
        pitch=rng.uniform(8, 14),
        inner=rng.uniform(0.75, 1.0) * disc.scale,
        outer=rng.uniform(0.85, 1.0) * radius,
    )
    bulge = rng.uniform(0.15, 0.4)
    return _spiral(grid, disc, arms, bulge, rng, contrast=rng.uniform(0.6, 1.2))


def loose_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Spiral with open arms (pitch of 20 to 32 degrees)."""
    disc = Disc.drawn(rng, radius * 0.92, rng.uniform(0.55, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=2 if rng.random() < 0.7 else 3,
        pitch=rng.uniform(20, 32),
        inner=rng.uniform(0.55, 0.8) * disc.scale,
        outer=radius,
    )
    bulge = rng.uniform(0.05, 0.16)
    return _spiral(grid, disc, arms, bulge, rng, contrast=rng.uniform(1.3, 2.4))


def barred_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Spiral whose two arms start at the ends of a bar."""
    disc = Disc.drawn(rng, radius, rng.uniform(0.6, 0.98))
    half = rng.uniform(0.28, 0.42) * radius
    roll = rng.uniform(0, math.pi)
    arms = SpiralArms.drawn(
        rng,
        number=2,
        pitch=rng.uniform(11, 22),
        inner=half,
        outer=rng.uniform(0.9, 1.05) * radius,
        start=roll,
        irregular=0.4,
    )
    light = _spiral(
        grid, disc, arms, rng.uniform(0.05, 0.12), rng, contrast=rng.uniform(1.0, 2.0), hollow=half
    )
    plane, azimuth = incline(grid, disc.axis_ratio, disc.angle)
    # The arms wind with their sense, so the bar stands where they start.
    azimuth = azimuth - np.float32(arms.sense * roll)
    along, across = plane * np.cos(azimuth), plane * np.sin(azimuth)
    shape = super_radius(
        along / np.float32(half * 1.08), across / np.float32(half * rng.uniform(0.26, 0.38)), 2.4
    )
    old = spectrum(disc.colour + 0.2)
    bright = disc.centre * rng.uniform(0.75, 1.1)
    light += (np.float32(bright) * ferrers(shape, 1.3))[..., None] * old
    if rng.random() < 0.5:
        ring = (plane - np.float32(half)) / np.float32(0.13 * half)
        glow = np.float32(0.25 * disc.centre) * np.exp(np.float32(-0.5) * ring * ring)
        light += glow[..., None] * spectrum(disc.colour - 0.1)
    return light


def _spiral(
    grid: Grid,
    disc: Disc,
    arms: SpiralArms,
    bulge: float,
    rng: np.random.Generator,
    *,
    contrast: float,
    hollow: float = 0.0,
) -> Image:
    """Bulge, disc, arms, clumps and dust.

    Parameters
    ----------
    bulge : float
        Light of the bulge over that of the disc.
    contrast : float
        Brightness of an arm over that of the disc around it.
    hollow : float
        Radius inside which a bar has swept the disc.
    """
    plane, azimuth = incline(grid, disc.axis_ratio, disc.angle)
    shine, dust = arms.drawn_on(plane, azimuth, rng)
    # A transparent disc would brighten as 1 / cos i; real ones do so by about half that exponent.
    centre = disc.centre * disc.axis_ratio**-0.4
    smooth = np.float32(centre) * exponential(plane, disc.scale)
    if hollow:
        swept = np.exp(np.float32(-0.5) * (plane / np.float32(0.75 * hollow)) ** 4)
        smooth *= 1 - np.float32(0.45) * swept
    # Gas-rich light reaches further out than the old stars.
    young = np.float32(0.5 * contrast * centre) * exponential(plane, 1.25 * disc.scale) * shine
    inner, outer = spectrum(disc.colour + 0.12), spectrum(disc.colour - 0.08)
    outwards = np.clip(plane / np.float32(3 * disc.scale), 0, 1)[..., None]
    light = (np.float32(0.85) * smooth)[..., None] * (inner + outwards * (outer - inner))
    light += young[..., None] * spectrum(max(disc.colour - rng.uniform(0.2, 0.32), 0.12))
    depth = np.float32(rng.uniform(0.25, 0.6)) * dust * exponential(plane, 2.5 * disc.scale)
    light *= dust_absorption(depth)
    born = float(young.sum()) / grid.oversampling**2 * rng.uniform(0.10, 0.22)
    light += _nurseries(grid, disc, arms, born, rng)

    total = bulge * exponential_flux(disc.scale, disc.axis_ratio) * centre
    index = rng.uniform(1.2, 3.0)
    effective = disc.scale * rng.uniform(0.22, 0.38) * (bulge / 0.15) ** 0.35
    flat = 1 - 0.6 * (1 - disc.axis_ratio)
    round_light = sersic(grid.ellipse(flat, disc.angle), effective, index)
    round_light *= np.float32(total / sersic_flux(effective, index, flat))
    return light + round_light[..., None] * spectrum(rng.normal(0.8, 0.04))


def _nurseries(
    grid: Grid, disc: Disc, arms: SpiralArms, flux: float, rng: np.random.Generator
) -> Image:
    """HII regions and young clusters along the arms; their fluxes follow a power law."""
    number = int(np.clip(arms.outer**1.3 / 4, 3, 140))
    plane, azimuth = arms.points(rng, number)
    x, y = _on_sky(plane, azimuth, disc)
    share = (1 + 30 * rng.random(number)) ** -1.0 * np.exp(-plane / (2.0 * disc.scale))
    share /= share.sum()
    sigma = arms.outer * rng.uniform(0.006, 0.022, number) + 0.15
    blue = clumps(grid, x, y, flux * share, sigma)
    # H alpha lies in r, so an HII region is bluer in r - i than any star.
    return blue[..., None] * spectrum(0.12, -0.12)


def _on_sky(
    plane: NDArray[np.float64], azimuth: NDArray[np.float64], disc: Disc
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along, across = plane * np.cos(azimuth), plane * np.sin(azimuth) * disc.axis_ratio
    cosine, sine = math.cos(disc.angle), math.sin(disc.angle)
    return along * cosine - across * sine, along * sine + across * cosine
