"""Disc galaxies: exponential discs, their dust, and discs seen edge-on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .camera import ISOPHOTE, spectrum, surface_flux
from .grid import Grid, random_field, super_radius
from .profiles import edge_on_disc, edge_on_disc_flux, sersic, sersic_flux

__all__ = [
    "Disc",
    "dust_absorption",
    "edge_on",
    "edge_on_with_bulge",
    "edge_on_without_bulge",
]

Image = NDArray[np.float32]

# Absorption in i, r, g relative to the mean (Cardelli et al. 1989 law, as diluted by stars in
# front of the dust).
_REDDENING = np.array([0.75, 1.0, 1.3], dtype=np.float32)


@dataclass(frozen=True)
class Disc:
    """An exponential disc.

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
        """Draw a disc that reaches the isophote of a frame at about a given radius.

        Parameters
        ----------
        rng : Generator
        radius : float
            Pixels.
        axis_ratio : float
            Cosine of the inclination.
        """
        # Freeman's law, 21.65 mag/arcsec^2 in B, is about 20.6 in r; discs in a flux-limited
        # survey are brighter.
        centre = surface_flux(rng.normal(20.0, 0.35))
        return cls(
            scale=radius / math.log(centre / ISOPHOTE),
            centre=centre,
            axis_ratio=axis_ratio,
            angle=rng.uniform(0, math.pi),
            colour=float(np.clip(rng.normal(0.47, 0.07), 0.32, 0.65)),
        )

    def on_sky(
        self, radius: NDArray[np.float64], azimuth: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y on the sky of points in the plane of the disc.

        Parameters
        ----------
        radius, azimuth : ndarray of float64
            Pixels, and radians from the line of nodes.
        """
        along, across = radius * np.cos(azimuth), radius * np.sin(azimuth) * self.axis_ratio
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return along * cosine - across * sine, along * sine + across * cosine


def dust_absorption(depth: Image) -> Image:
    """Return the fraction of the light that passes through dust, in i, r, g.

    Parameters
    ----------
    depth : ndarray of float32, shape (H, W)
        Mean optical depth.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
    """
    transmitted: Image = np.exp(-depth[..., None] * _REDDENING)
    return transmitted


def edge_on_without_bulge(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a thin blue disc, sometimes bent at its ends.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    return edge_on(
        grid,
        radius,
        rng,
        thickness=rng.uniform(0.035, 0.055),
        bulge=0.0,
        colour=rng.normal(0.5, 0.09),
        dust=rng.uniform(0.0, 0.6),
    )


def edge_on_with_bulge(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a disc with a round or boxy bulge and a dust lane across it.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    return edge_on(
        grid,
        radius,
        rng,
        thickness=rng.uniform(0.045, 0.065),
        bulge=rng.uniform(0.4, 0.9),
        colour=rng.normal(0.64, 0.07),
        dust=rng.uniform(0.7, 1.9),
    )


def edge_on(
    grid: Grid,
    radius: float,
    rng: np.random.Generator,
    *,
    thickness: float,
    bulge: float,
    colour: float,
    dust: float,
) -> Image:
    """Draw a disc seen edge-on, with a thick disc, a bulge and a dust lane.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    thickness : float
        Scale height of the disc in units of the radius.
    bulge : float
        Light of the bulge over that of the disc.
    colour : float
        g - r of the disc, magnitudes.
    dust : float
        Optical depth of the dust lane at its middle.
    """
    centre = surface_flux(rng.normal(19.8, 0.3))
    # (R/h) K1(R/h) falls more slowly than exp(-R/h): by about sqrt(pi R / 2h).
    scale = radius / (math.log(centre / ISOPHOTE) + 0.3)
    height = thickness * radius
    angle = rng.uniform(0, math.pi)
    along, across = grid.turned(angle)
    across = across - _warp(along, radius, rng)
    plane = edge_on_disc(along, across, scale, height)
    # Discs are truncated at four or five scale lengths.
    beyond = (np.abs(along) - np.float32(1.02 * radius)) / np.float32(0.06 * radius)
    plane *= expit(-beyond)
    mottle = random_field(rng, along.shape, max(2.0, 0.05 * radius * grid.oversampling))
    thin = np.float32(centre) * plane * np.exp(np.float32(0.14) * mottle)
    thick = np.float32(0.07 * centre) * edge_on_disc(along, across, scale * 1.15, 2.3 * height)
    light = thin[..., None] * _gradient(along, scale, colour) + thick[..., None] * spectrum(
        colour + 0.12
    )
    if bulge:
        index = rng.uniform(1.2, 2.5)
        effective = height * rng.uniform(2.0, 3.2)
        flat = rng.uniform(0.65, 0.9)
        shape = super_radius(along, across / np.float32(flat), rng.uniform(2.0, 2.7))
        shape = np.maximum(shape, np.float32(0.33 / grid.oversampling))
        total = bulge * centre * edge_on_disc_flux(scale, height)
        glow = sersic(shape, effective, index)
        glow *= np.float32(total / sersic_flux(effective, index, flat))
        light += glow[..., None] * spectrum(rng.normal(0.82, 0.04))
    # The plane is tilted by a degree or two, so the lane passes beside the centre.
    beside = (across - np.float32(rng.uniform(-0.5, 0.5) * height)) / np.float32(0.45 * height)
    reach = np.abs(along) / np.float32(1.4 * scale)
    lane = np.exp(np.float32(-0.5) * beside * beside - reach * reach * np.float32(0.5))
    patches = np.clip(1 + np.float32(0.35) * mottle, 0.2, None)
    dimmed: Image = light * dust_absorption(np.float32(dust) * lane * patches)
    return dimmed


def _warp(along: Image, radius: float, rng: np.random.Generator) -> Image:
    """Return the height of the plane above its mean: many discs bend like an integral sign."""
    bend = np.float32(rng.normal(0, 0.025) * radius)
    reach = along / np.float32(radius)
    height: Image = bend * reach * np.abs(reach) ** np.float32(1.5)
    return height


def _gradient(along: Image, scale: float, colour: float) -> Image:
    """Return the spectrum at each distance: discs are bluer outwards."""
    inner, outer = spectrum(colour + 0.08), spectrum(colour - 0.1)
    share = np.clip(np.abs(along) / np.float32(3 * scale), 0, 1)[..., None]
    return inner + share * (outer - inner)
