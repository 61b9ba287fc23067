"""Spirals of open, patchy or one-sided arms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .discs import Disc
from .grid import Grid
from .spirals import SpiralArms, spiral

__all__ = ["flocculent_spiral", "grand_design", "many_armed", "one_armed"]

Image = NDArray[np.float32]


def grand_design(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw two long, open arms that outshine the disc.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius * 0.85, rng.uniform(0.5, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=2,
        pitch=rng.uniform(20, 34),
        inner=rng.uniform(0.45, 0.7) * disc.scale,
        outer=1.15 * radius,
    )
    contrast = rng.uniform(2.5, 5.0)
    return spiral(grid, disc, arms, rng.uniform(0.05, 0.3), rng, contrast=contrast)


def flocculent_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a blue disc with a faint bulge and many short, open pieces of arms.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius * 0.95, rng.uniform(0.5, 0.98))
    light = np.zeros((*grid.x.shape, 3), np.float32)
    pieces = 2
    sense = int(rng.choice((-1, 1)))
    for piece in range(pieces):
        arms = SpiralArms.drawn(
            rng,
            number=int(rng.integers(2, 4)),
            pitch=rng.uniform(20, 33),
            inner=(0.5 + 0.9 * piece) * disc.scale,
            outer=(0.6 + 0.45 * piece) * radius,
            irregular=1.8,
        ).turning(sense)
        share = spiral(
            grid, disc, arms, rng.uniform(0.01, 0.06), rng, contrast=rng.uniform(2.0, 3.5)
        )
        light += share * np.float32(1 / pieces)
    return light


def many_armed(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a spiral of three to five tightly wound arms.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius, rng.uniform(0.55, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=int(rng.integers(3, 5)),
        pitch=rng.uniform(10, 15),
        inner=rng.uniform(0.7, 1.1) * disc.scale,
        outer=rng.uniform(0.9, 1.05) * radius,
    )
    contrast = rng.uniform(1.8, 3.2)
    return spiral(grid, disc, arms, rng.uniform(0.12, 0.4), rng, contrast=contrast)


def one_armed(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a lopsided disc with one dominant arm.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    side = rng.uniform(0, 2 * math.pi)
    far = 1 - np.exp(-(grid.x**2 + grid.y**2) / np.float32((0.5 * radius) ** 2))
    drift = np.float32(rng.uniform(0.15, 0.3) * radius) * far
    bent = grid.warped(drift * np.float32(math.cos(side)), drift * np.float32(math.sin(side)))
    disc = Disc.drawn(rng, radius * 0.8, rng.uniform(0.5, 0.9))
    arms = SpiralArms.drawn(
        rng,
        number=1,
        pitch=rng.uniform(14, 28),
        inner=rng.uniform(0.5, 0.9) * disc.scale,
        outer=1.1 * radius,
    )
    return spiral(bent, disc, arms, rng.uniform(0.02, 0.15), rng, contrast=rng.uniform(1.5, 3.0))
