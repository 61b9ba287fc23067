"""Smooth galaxies: round, in between and cigar-shaped."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .camera import ISOPHOTE, spectrum, surface_flux
from .grid import Grid
from .profiles import sersic, sersic_radius

__all__ = ["cigar", "in_between", "round_smooth", "spheroid"]

Image = NDArray[np.float32]


def spheroid(
    grid: Grid,
    radius: float,
    rng: np.random.Generator,
    *,
    axis_ratio: float,
    index: float,
    brightness: float,
    colour: float,
) -> Image:
    """Draw a Sersic galaxy, slightly redder towards its centre.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Semi-major axis of the isophote of a frame, pixels.
    rng : Generator
    axis_ratio : float
        Minor over major axis.
    index : float
        Sersic index.
    brightness : float
        Surface brightness at the effective radius in r, magnitudes per square arcsecond, of a
        galaxy of 30 pixels and more.
    colour : float
        g - r of the outskirts, magnitudes.
    """
    # Small ellipticals are the denser ones (Kormendy 1977).
    dense = min(1.2 * math.log10(max(radius, 12) / 30), 0.0)
    level = surface_flux(brightness + dense)
    effective = sersic_radius(radius, ISOPHOTE / level, index)
    ellipse = grid.ellipse(axis_ratio, rng.uniform(0, math.pi))
    light = np.float32(level) * sersic(ellipse, effective, index)
    # Colour gradients of ellipticals are about -0.05 mag in g - r per factor of ten in radius;
    # redder light inside one effective radius makes the core that much redder.
    core: Image = np.exp(-ellipse / np.float32(effective))
    outer, inner = spectrum(colour), spectrum(colour + 0.08)
    return light[..., None] * (outer + core[..., None] * (inner - outer))


def round_smooth(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a round elliptical.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    return _elliptical(grid, radius, rng, rng.uniform(0.88, 1.0))


def in_between(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw an elliptical or smooth disc of intermediate flattening.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    return _elliptical(grid, radius, rng, rng.uniform(0.48, 0.72))


def cigar(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw an elongated smooth galaxy without the thin plane of an edge-on disc.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    red = rng.random() < 0.6
    return spheroid(
        grid,
        radius,
        rng,
        axis_ratio=rng.uniform(0.24, 0.38),
        index=rng.uniform(1.3, 2.4),
        brightness=rng.normal(20.5, 0.35),
        colour=rng.normal(0.74, 0.05) if red else rng.normal(0.5, 0.06),
    )


def _elliptical(grid: Grid, radius: float, rng: np.random.Generator, axis_ratio: float) -> Image:
    # Small galaxies are more often blue.
    red = rng.random() < (0.8 if radius > 9 else 0.45)
    return spheroid(
        grid,
        radius,
        rng,
        axis_ratio=axis_ratio,
        index=rng.uniform(2.5, 4.5) if red else rng.uniform(1.2, 2.2),
        brightness=rng.normal(20.7, 0.4),
        colour=rng.normal(0.78, 0.04) if red else rng.normal(0.48, 0.08),
    )
