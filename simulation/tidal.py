"""Galaxies pulled apart by others: streams, plumes, close pairs and double nuclei."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .camera import ISOPHOTE, spectrum
from .discs import edge_on_with_bulge, edge_on_without_bulge
from .grid import Grid
from .interacting import bend, irregular_disc, tail
from .lenticular import lenticular, red_disc
from .open_arms import grand_design, one_armed
from .profiles import exponential, sersic
from .smooth import in_between, round_smooth
from .spirals import loose_spiral

__all__ = ["close_pair", "double_nucleus", "irregular", "streamed", "torn_disc"]

Image = NDArray[np.float32]


def irregular(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a faint blue disc without order, its brightest part off its centre.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    bent = grid.warped(*bend(grid, radius, rng, 0.16))
    light = irregular_disc(bent, 0.9 * radius, rng) * np.float32(rng.uniform(0.5, 0.9))
    heading = rng.uniform(0, 2 * math.pi)
    away = rng.uniform(0.2, 0.45) * radius
    part = bent.moved(away * math.cos(heading), away * math.sin(heading))
    burst = irregular_disc(part, rng.uniform(0.4, 0.6) * radius, rng)
    return np.asarray(light + burst * np.float32(rng.uniform(0.4, 0.9)), np.float32)


def torn_disc(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a lopsided, warped disc with a one-sided arm or plume.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    bent = grid.warped(*bend(grid, radius, rng, 0.11))
    light = one_armed(bent, 0.85 * radius, rng)
    return light + _streams(grid, light, 0.55 * radius, radius, rng, number=1, colour=0.38)


def streamed(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw an elliptical, lenticular or spiral with one or two long tidal tails.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    bent = grid.warped(*bend(grid, radius, rng, 0.07))
    body = rng.uniform(0.55, 0.75) * radius
    kind = rng.random()
    if kind < 0.35:
        light, colour = in_between(bent, body, rng), 0.66
    elif kind < 0.6:
        disc = red_disc(body, rng.uniform(0.4, 0.9), rng)
        light, colour = lenticular(bent, disc, rng.uniform(0.2, 0.6), rng), 0.6
    else:
        light, colour = grand_design(bent, body, rng), 0.42
    number = int(rng.integers(1, 3))
    return light + _streams(grid, light, body, radius, rng, number=number, colour=colour)


def close_pair(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw two galaxies of any kinds that touch, with a bridge and tails.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    heading = rng.uniform(0, 2 * math.pi)
    apart = rng.uniform(0.6, 1.0) * radius
    # The brighter galaxy lies closer to the middle.
    sizes = 0.55 * radius, rng.uniform(0.28, 0.52) * radius
    shares = np.array([-sizes[1], sizes[0]]) / sum(sizes)
    light = np.zeros((*grid.x.shape, 3), np.float32)
    for size, share in zip(sizes, shares, strict=True):
        step = share * apart
        own = grid.moved(step * math.cos(heading), step * math.sin(heading))
        light += _any_galaxy(own.warped(*bend(own, size, rng, 0.08)), size, rng)
    start = shares[0] * apart * np.array([math.cos(heading), math.sin(heading)])
    total = float(light[..., 1].sum()) / grid.oversampling**2
    turning = rng.normal(0, 0.4)
    bridge = tail(
        grid,
        start,
        heading - turning / 2,
        turning,
        apart,
        total * rng.uniform(0.01, 0.05),
        rng,
        width=0.07,
    )
    light += bridge[..., None] * spectrum(0.5)
    if rng.random() < 0.7:
        light += _streams(grid, light, 0.6 * radius, radius, rng, number=1, colour=0.45)
    return light


def double_nucleus(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw two nuclei in one disturbed envelope with tails.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    red = rng.random() < 0.5
    colour = rng.normal(0.72, 0.05) if red else rng.normal(0.45, 0.08)
    bent = grid.warped(*bend(grid, radius, rng, 0.12))
    angle = rng.uniform(0, math.pi)
    wide = bent.ellipse(rng.uniform(0.55, 0.9), angle)
    level = ISOPHOTE * rng.uniform(8, 22)
    light = (np.float32(level) * exponential(wide, 0.36 * radius))[..., None] * spectrum(colour)
    heading, apart = rng.uniform(0, math.pi), rng.uniform(0.3, 0.6) * radius
    for sign, share in ((1, 1.0), (-1, rng.uniform(0.45, 1.0))):
        step = sign * apart / 2
        own = bent.moved(step * math.cos(heading), step * math.sin(heading))
        shape = own.ellipse(rng.uniform(0.6, 0.95), rng.uniform(0, math.pi))
        nucleus = np.float32(level * share * rng.uniform(0.8, 1.6)) * sersic(
            shape, rng.uniform(0.1, 0.16) * radius, rng.uniform(1.0, 2.0)
        )
        light += nucleus[..., None] * spectrum(colour + rng.normal(0.05, 0.05))
    number = int(rng.integers(0, 3)) if red else int(rng.integers(1, 3))
    return light + _streams(
        grid, light, 0.5 * radius, radius, rng, number=number, colour=colour - 0.05
    )


def _any_galaxy(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    kinds = (round_smooth, in_between, loose_spiral, edge_on_with_bulge, edge_on_without_bulge)
    kind = rng.choice(len(kinds) + 1, p=(0.2, 0.25, 0.15, 0.1, 0.1, 0.2))
    if kind == len(kinds):
        return irregular_disc(grid, radius, rng)
    return kinds[kind](grid, radius, rng)


def _streams(
    grid: Grid,
    light: Image,
    body: float,
    radius: float,
    rng: np.random.Generator,
    *,
    number: int,
    colour: float,
) -> Image:
    """Return tidal tails that leave a body on opposite sides and curl the same way.

    Parameters
    ----------
    light : ndarray of float32
        Light of the body, to which that of the tails is in proportion.
    body, radius : float
        Radii at which the tails begin and end, about, pixels.
    """
    total = float(light[..., 1].sum()) / grid.oversampling**2
    curl, heading = rng.choice((-1, 1)), rng.uniform(0, 2 * math.pi)
    streams = np.zeros(grid.x.shape, np.float32)
    for side in range(number):
        leaves = heading + side * math.pi + rng.normal(0, 0.25)
        start = 0.4 * body * np.array([math.cos(leaves), math.sin(leaves)])
        turning = curl * rng.uniform(0.6, 2.2)
        streams += tail(
            grid,
            start,
            leaves + curl * rng.uniform(0.3, 1.0),
            turning,
            rng.uniform(0.9, 1.6) * radius,
            total * rng.uniform(0.05, 0.16),
            rng,
            width=rng.uniform(0.025, 0.06),
        )
    drawn: Image = streams[..., None] * spectrum(colour)
    return drawn
