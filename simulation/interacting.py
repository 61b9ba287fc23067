"""Mergers and disturbed galaxies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .camera import ISOPHOTE, spectrum, surface_flux
from .discs import Disc, dust_absorption
from .grid import Grid, clumps, random_field
from .profiles import exponential, sersic, sersic_radius
from .smooth import spheroid

__all__ = ["bend", "disturbed", "irregular_disc", "merging", "tail"]

Image = NDArray[np.float32]


def merging(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw two galaxies in a common envelope, with tidal tails.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    dry = rng.random() < 0.6
    apart = rng.uniform(0.4, 0.8) * radius
    angle = rng.uniform(0, 2 * math.pi)
    step = np.array([math.cos(angle), math.sin(angle)]) * apart / 2
    share = rng.uniform(0.75, 1.0)
    light = np.zeros((*grid.x.shape, 3), np.float32)
    for sign, size in ((1, 1.0), (-1, share)):
        own = grid.moved(*(sign * step)).warped(*bend(grid, radius, rng, 0.035))
        body = 0.6 * radius * size
        if dry or (sign < 0 and rng.random() < 0.3):
            light += spheroid(
                own,
                body,
                rng,
                axis_ratio=rng.uniform(0.65, 0.95),
                index=rng.uniform(1.8, 3.5),
                brightness=rng.normal(20.6, 0.3),
                colour=rng.normal(0.76, 0.04),
            )
        else:
            light += irregular_disc(own, body, rng)
    colour = 0.72 if dry else 0.42
    wide = grid.warped(*bend(grid, radius, rng, 0.08)).ellipse(rng.uniform(0.6, 0.8), angle)
    envelope = np.float32(5.0 * ISOPHOTE) * exponential(wide, 0.45 * radius)
    light += envelope[..., None] * spectrum(colour)
    strength = float(light[..., 1].sum()) / grid.oversampling**2
    curl = rng.choice((-1, 1))
    for sign in (1, -1):
        share = rng.uniform(0.015, 0.06) if sign > 0 else rng.uniform(0.0, 0.03)
        light += tail(
            grid,
            sign * step * (1 + 0.5 * radius / apart),
            angle + (0 if sign > 0 else math.pi) + curl * rng.uniform(0.6, 1.4),
            curl * rng.uniform(0.7, 1.9),
            rng.uniform(0.6, 1.0) * radius,
            strength * share,
            rng,
        )[..., None] * spectrum(colour - 0.06)
    return light


def disturbed(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw one disturbed galaxy: lopsided, with shells or with a plume.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    kind = rng.random()
    if kind < 0.22:
        return _shells(grid, radius, rng)
    body = 0.78 * radius
    bent = grid.warped(*bend(grid, radius, rng, 0.06))
    # The centres of the isophotes drift to one side with radius.
    side = rng.uniform(0, 2 * math.pi)
    far = np.float32(1) - np.exp(-(grid.x**2 + grid.y**2) / np.float32((0.5 * radius) ** 2))
    drift = np.float32(rng.uniform(0.12, 0.27) * radius) * far
    bent = bent.warped(drift * np.float32(math.cos(side)), drift * np.float32(math.sin(side)))
    light = irregular_disc(bent, body, rng)
    if kind < 0.7:
        strength = float(light[..., 1].sum()) / grid.oversampling**2
        start = -0.3 * body * np.array([math.cos(side), math.sin(side)])
        plume = tail(
            grid,
            start,
            side + math.pi + rng.normal(0, 0.3),
            rng.choice((-1, 1)) * rng.uniform(0.3, 1.3),
            rng.uniform(0.75, 1.0) * radius,
            strength * rng.uniform(0.05, 0.12),
            rng,
        )
        light += plume[..., None] * spectrum(0.32)
    return light


def irregular_disc(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a blue irregular disc with patches, knots and dust.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius, rng.uniform(0.4, 0.8))
    ellipse = grid.ellipse(disc.axis_ratio, disc.angle)
    patches = random_field(rng, grid.x.shape, max(2.0, 0.11 * radius * grid.oversampling))
    smooth = np.float32(disc.centre) * exponential(ellipse, disc.scale)
    core = np.float32(1.6 * disc.centre) * sersic(
        np.maximum(ellipse, np.float32(0.2)), 0.3 * disc.scale, 1.0
    )
    light = (smooth * np.exp(np.float32(0.38) * patches))[..., None] * spectrum(
        rng.normal(0.30, 0.07)
    ) + core[..., None] * spectrum(0.5)
    dust = np.clip(-patches - np.float32(0.6), 0, None) * exponential(ellipse, 2 * disc.scale)
    light *= dust_absorption(np.float32(0.35) * dust)
    number = int(np.clip(radius / 2, 3, 30))
    reach = disc.scale * np.minimum(rng.gamma(2.0, 0.6, number), 2.3)
    turn = rng.uniform(0, 2 * math.pi, number)
    x, y = disc.on_sky(reach, turn)
    share = (1 + 12 * rng.random(number)) ** -1.0
    total = float(light[..., 1].sum()) / grid.oversampling**2 * rng.uniform(0.06, 0.16)
    knots = clumps(
        grid,
        x,
        y,
        total * share / share.sum(),
        radius * rng.uniform(0.015, 0.045, number) + 0.2,
    )
    with_knots: Image = light + knots[..., None] * spectrum(0.12, -0.05)
    return with_knots


def _shells(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Return an elliptical with shells: arcs with sharp edges, on alternating sides."""
    axis_ratio, angle = rng.uniform(0.65, 0.9), rng.uniform(0, math.pi)
    index, level = rng.uniform(2.5, 4.0), surface_flux(20.9)
    effective = sersic_radius(0.85 * radius, ISOPHOTE / level, index)
    bent = grid.warped(*bend(grid, radius, rng, 0.06))
    ellipse = bent.ellipse(axis_ratio, angle)
    light = np.float32(level) * sersic(ellipse, effective, index)
    along, across = bent.turned(angle)
    azimuth = np.arctan2(across, along)
    wisps: Image = np.zeros_like(light)
    for shell in range(int(rng.integers(3, 6))):
        edge = radius * (0.35 + 0.62 * rng.random())
        facing = math.pi * (shell % 2) + rng.normal(0, 0.25)
        aside = np.angle(np.exp(1j * (azimuth - np.float32(facing))))
        inside = (np.float32(edge) - ellipse) / np.float32(0.16 * radius)
        ramp = np.exp(-np.maximum(inside, np.float32(0)))
        ramp *= np.clip(np.float32(15) * inside + np.float32(0.5), 0, 1)
        bright = ISOPHOTE * rng.uniform(3.5, 7.0) * (radius / edge)
        wisps += np.float32(bright) * ramp * np.exp(aside * aside * np.float32(-2))
    old, young = spectrum(rng.normal(0.74, 0.05)), spectrum(0.6)
    return np.asarray(light[..., None] * old + wisps[..., None] * young, dtype=np.float32)


def bend(
    grid: Grid, radius: float, rng: np.random.Generator, strength: float
) -> tuple[Image, Image]:
    """Draw a smooth random displacement that grows outwards.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Pixels.
    rng : Generator
    strength : float
        Root mean square of each component at the radius, in radii.

    Returns
    -------
    dx, dy : ndarray of float32
        Pixels.
    """
    far = np.minimum(np.hypot(grid.x, grid.y) / np.float32(radius), np.float32(1.5))
    smoothing = 0.6 * radius * grid.oversampling
    amplitude = np.float32(strength * radius) * far
    return (
        amplitude * random_field(rng, grid.x.shape, smoothing),
        amplitude * random_field(rng, grid.x.shape, smoothing),
    )


def tail(
    grid: Grid,
    start: NDArray[np.float64],
    heading: float,
    turning: float,
    length: float,
    flux: float,
    rng: np.random.Generator,
    width: float = 0.06,
) -> Image:
    """Draw a stream of stars along a curve, fading and widening.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    start : ndarray
        Shape (2,): its start, pixels from the centre of the grid.
    heading, turning : float
        Direction at the start, and its change to the end, radians.
    length : float
        Pixels along the curve.
    flux : float
        Total light.
    rng : Generator
    width : float
        Standard deviation across the stream at its start, in lengths; twice that at its end.
    """
    steps = np.linspace(0, 1, int(np.clip(length, 24, 160)))
    direction = heading + turning * steps**0.8
    x = start[0] + length * np.cumsum(np.cos(direction)) / len(steps)
    y = start[1] + length * np.cumsum(np.sin(direction)) / len(steps)
    share = np.exp(-1.5 * steps) * np.clip(1.15 - steps, 0, 1) * np.minimum(0.15 + steps * 4, 1)
    share *= np.exp(0.3 * np.convolve(rng.standard_normal(len(steps)), np.ones(7) / 7, "same"))
    sigma = length * width * (1 + steps)
    return clumps(grid, x, y, flux * share / share.sum(), sigma)
