"""Discs without spiral arms: smooth, with a bar or with rings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .camera import ISOPHOTE, spectrum, surface_flux
from .discs import Disc, dust_absorption
from .grid import TILE, Grid, incline, sampled_field
from .profiles import exponential, exponential_flux, sersic, sersic_flux
from .spirals import SpiralArms, bar, spiral

__all__ = ["barred_lenticular", "lenticular", "red_disc", "ringed_spiral"]

Image = NDArray[np.float32]


def red_disc(radius: float, axis_ratio: float, rng: np.random.Generator) -> Disc:
    """Draw a disc of old stars that reaches the isophote of a frame at about a given radius.

    Parameters
    ----------
    radius : float
        Pixels.
    axis_ratio : float
        Cosine of the inclination.
    rng : Generator
    """
    centre = surface_flux(rng.normal(20.2, 0.35))
    return Disc(
        scale=radius / math.log(centre / ISOPHOTE),
        centre=centre,
        axis_ratio=axis_ratio,
        angle=rng.uniform(0, math.pi),
        colour=float(np.clip(rng.normal(0.66, 0.08), 0.4, 0.8)),
    )


def lenticular(grid: Grid, disc: Disc, bulge: float, rng: np.random.Generator) -> Image:
    """Draw a smooth disc with a rounder, redder bulge.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    disc : Disc
    bulge : float
        Light of the bulge over that of the disc.
    rng : Generator
    """
    plane = grid.ellipse(disc.axis_ratio, disc.angle)
    smooth = np.float32(disc.centre) * exponential(plane, disc.scale)
    inner, outer = spectrum(disc.colour + 0.06), spectrum(disc.colour - 0.06)
    outwards = np.clip(plane / np.float32(3 * disc.scale), 0, 1)[..., None]
    light = smooth[..., None] * (inner + outwards * (outer - inner))
    flat = 1 - rng.uniform(0.4, 0.7) * (1 - disc.axis_ratio)
    index = rng.uniform(1.5, 3.5)
    effective = disc.scale * rng.uniform(0.25, 0.45)
    total = bulge * exponential_flux(disc.scale, disc.axis_ratio) * disc.centre
    round_light = sersic(grid.ellipse(flat, disc.angle), effective, index)
    round_light *= np.float32(total / sersic_flux(effective, index, flat))
    whole: Image = light + round_light[..., None] * spectrum(disc.colour + rng.uniform(0.08, 0.18))
    return whole


def barred_lenticular(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a disc with a strong bar, a lens or a ring about it, and at most faint arms.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = red_disc(radius, rng.uniform(0.55, 0.98), rng)
    half = rng.uniform(0.35, 0.55) * radius
    light = lenticular(grid, disc, rng.uniform(0.03, 0.12), rng) * np.float32(0.7)
    roll = rng.uniform(0, math.pi)
    light += bar(
        grid, disc, roll, half, width=rng.uniform(0.22, 0.36), bright=rng.uniform(1.1, 2.0)
    )
    if rng.random() < 0.6:
        bright = disc.centre * rng.uniform(0.12, 0.35)
        light += _ring(grid, disc, half * rng.uniform(0.98, 1.1), bright, rng)
    if rng.random() < 0.4:
        bright = disc.centre * rng.uniform(0.04, 0.1)
        light += _ring(grid, disc, half * rng.uniform(1.7, 2.1), bright, rng)
    return light


def ringed_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a red spiral of faint, tightly wound arms that nearly close to rings.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = red_disc(radius, rng.uniform(0.45, 0.98), rng)
    arms = SpiralArms.drawn(
        rng,
        number=2,
        pitch=rng.uniform(6, 11),
        inner=rng.uniform(0.8, 1.3) * disc.scale,
        outer=rng.uniform(0.8, 1.0) * radius,
        irregular=0.6,
    )
    contrast = rng.uniform(1.2, 2.2)
    light = spiral(grid, disc, arms, rng.uniform(0.2, 0.5), rng, contrast=contrast)
    for _ in range(int(rng.integers(1, 3))):
        place = rng.uniform(0.4, 0.8) * radius
        bright = disc.centre * math.exp(-place / disc.scale) * rng.uniform(0.4, 1.1)
        light += _ring(grid, disc, place, bright, rng)
    return light


def _ring(grid: Grid, disc: Disc, radius: float, bright: float, rng: np.random.Generator) -> Image:
    """Return a patchy blue ring in the plane of a disc, with dust inside it."""
    plane, azimuth = incline(grid, disc.axis_ratio, disc.angle)
    away = (plane - np.float32(radius)) / np.float32(rng.uniform(0.09, 0.16) * radius)
    glow = np.exp(np.float32(-0.5) * away * away)
    along = azimuth * np.float32(TILE / (2 * math.pi))
    glow *= np.exp(np.float32(0.45) * sampled_field(rng, along, away * np.float32(2), 3.0))
    light = (np.float32(bright) * glow)[..., None] * spectrum(disc.colour - rng.uniform(0.1, 0.25))
    lane = np.exp(np.float32(-0.5) * (away + np.float32(1.5)) ** 2)
    dimmed: Image = light * dust_absorption(np.float32(0.3) * lane)
    return dimmed
