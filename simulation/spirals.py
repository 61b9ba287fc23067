"""Spiral galaxies seen from above, with and without a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .camera import spectrum
from .discs import Disc, dust_absorption
from .grid import TILE, Grid, clumps, incline, sampled_field, super_radius
from .profiles import exponential, exponential_flux, ferrers, sersic, sersic_flux

__all__ = ["SpiralArms", "bar", "barred_spiral", "loose_spiral", "spiral", "tight_spiral"]

Image = NDArray[np.float32]


@dataclass(frozen=True)
class SpiralArms:
    """Logarithmic spiral arms in the plane of a disc.

    Arm k lies at the azimuth ``start[k] + ln(radius / inner) / tan(pitch[k])`` (times the sense of
    winding).  Galaxy Zoo volunteers call arms with a pitch angle below about 15 degrees tight and
    above 22 degrees loose (Masters et al. 2019).

    Attributes
    ----------
    pitch : tuple of float
        Pitch angle of each arm, radians.
    start : tuple of float
        Azimuth of each arm at its inner end, radians.
    strength : tuple of float
        Brightness of each arm, about 1.
    inner, outer : float
        Radii between which the arms are visible, pixels.
    width : float
        Half-width of an arm in units of the distance between two arms.
    sense : int
        +1 or -1: the direction of winding.
    """

    pitch: tuple[float, ...]
    start: tuple[float, ...]
    strength: tuple[float, ...]
    inner: float
    outer: float
    width: float
    sense: int = 1

    @classmethod
    def drawn(
        cls,
        rng: np.random.Generator,
        *,
        number: int,
        pitch: float,
        inner: float,
        outer: float,
        start: float | None = None,
        irregular: float = 1.0,
    ) -> SpiralArms:
        """Draw arms that are as uneven as those of real galaxies.

        Parameters
        ----------
        rng : Generator
        number : int
            Number of arms.
        pitch : float
            Mean pitch angle, degrees.
        inner, outer : float
            Radii between which the arms are visible, pixels.
        start : float, optional
            Azimuth of the first arm at its inner end, radians; random by default.
        irregular : float
            Scale of the differences between the arms.
        """
        first = rng.uniform(0, 2 * math.pi) if start is None else start
        spread = irregular * 0.25 / number
        return cls(
            pitch=tuple(math.radians(pitch * math.exp(rng.normal(0, 0.09))) for _ in range(number)),
            start=tuple(
                first + 2 * math.pi * (k / number + rng.normal(0, spread / 4))
                for k in range(number)
            ),
            strength=tuple(math.exp(rng.normal(0, 0.18 * irregular)) for _ in range(number)),
            inner=inner,
            outer=outer,
            width=rng.uniform(0.15, 0.22),
            sense=int(rng.choice((-1, 1))),
        )

    def turning(self, sense: int) -> SpiralArms:
        """Return the arms with a direction of winding, +1 or -1.

        Parameters
        ----------
        sense : int
        """
        return replace(self, sense=sense)

    def azimuth(self, arm: int, radius: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the azimuth of the ridge of an arm.

        Parameters
        ----------
        arm : int
            Index of the arm.
        radius : ndarray of float64
            Pixels.
        """
        turn = np.log(radius / self.inner) / math.tan(self.pitch[arm])
        return self.sense * (self.start[arm] + turn)

    def drawn_on(
        self, radius: Image, azimuth: Image, rng: np.random.Generator, patchiness: float = 0.55
    ) -> tuple[Image, Image]:
        """Return brightness and dust of the arms.

        Parameters
        ----------
        radius, azimuth : ndarray
            Polar coordinates in the disc: pixels, radians.
        rng : Generator
        patchiness : float
            Spread (natural logarithm) of the brightness along and across the arms.

        Returns
        -------
        light, dust : ndarray
            About 1 on the ridge of an arm and in the dust lane along its inner edge, 0 between.
        """
        inner = np.float32(self.inner)
        turns = np.log(np.maximum(radius, 0.05 * inner) / inner)
        spacing = 2 * math.pi / len(self.pitch)
        light, dust = np.zeros_like(radius), np.zeros_like(radius)
        along = np.float32(self.sense) * azimuth * np.float32(TILE / (2 * math.pi))
        # Arms deviate from the spiral by a fraction of the distance to the next.
        wander = np.float32(0.11 * spacing) * sampled_field(rng, along, turns * np.float32(16), 4.0)
        for pitch, start, strength in zip(self.pitch, self.start, self.strength, strict=True):
            ridge = np.float32(start) + turns * np.float32(1 / math.tan(pitch))
            phase = np.float32(self.sense) * azimuth - ridge + wander
            phase -= np.float32(2 * math.pi) * np.round(phase * np.float32(0.5 / math.pi))
            away = phase * np.float32(1 / (spacing * self.width))
            # A positive phase is inside the arm, where shocked gas and dust gather; the outer side
            # fades slowly.
            side = np.where(away > 0, away * np.float32(1.35), away * np.float32(0.85))
            light += np.float32(strength) * np.exp(np.float32(-0.5) * side * side)
            lane = (away - np.float32(1.0)) * np.float32(2.6)
            dust += np.exp(np.float32(-0.5) * lane * lane)
        # Sheared, so that the patches are stretched along the arms into spurs.
        across = turns * np.float32(22) - np.float32(0.35) * along * np.float32(
            math.tan(float(np.mean(self.pitch)))
        )
        patches = sampled_field(rng, along, across, 1.7)
        light *= np.exp(np.float32(patchiness) * patches - np.float32(patchiness**2 / 2))
        ends = _between(radius, self.inner, self.outer)
        return light * ends, dust * ends

    def points(
        self, rng: np.random.Generator, number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw random points along the arms.

        Parameters
        ----------
        rng : Generator
        number : int

        Returns
        -------
        radius, azimuth : ndarray of float64, shape (number,)
            Pixels, radians.
        """
        reach = self.outer - self.inner
        radius = self.inner + reach * rng.beta(1.5, 2.0, number)
        arm = rng.integers(0, len(self.pitch), number)
        azimuth = np.array([self.azimuth(k, r) for k, r in zip(arm, radius, strict=True)])
        scatter = 2 * math.pi / len(self.pitch) * self.width * 0.6
        return radius, azimuth.reshape(number) + rng.normal(0, scatter, number)


def _between(radius: Image, inner: float, outer: float) -> Image:
    rise = expit((radius - np.float32(0.85 * inner)) * np.float32(9 / inner))
    return rise * expit((np.float32(outer) - radius) * np.float32(10 / outer))


def tight_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a spiral with tightly wound arms (pitch angles of 8 to 14 degrees).

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius, rng.uniform(0.5, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=2 if rng.random() < 0.75 else 3,
        pitch=rng.uniform(8, 14),
        inner=rng.uniform(0.75, 1.0) * disc.scale,
        outer=rng.uniform(0.85, 1.0) * radius,
    )
    bulge = rng.uniform(0.15, 0.4)
    return spiral(grid, disc, arms, bulge, rng, contrast=rng.uniform(0.6, 1.2))


def loose_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a spiral with loosely wound arms (pitch angles of 20 to 32 degrees).

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
    disc = Disc.drawn(rng, radius * 0.92, rng.uniform(0.55, 0.98))
    arms = SpiralArms.drawn(
        rng,
        number=2 if rng.random() < 0.7 else 3,
        pitch=rng.uniform(20, 32),
        inner=rng.uniform(0.55, 0.8) * disc.scale,
        outer=radius,
    )
    bulge = rng.uniform(0.05, 0.16)
    return spiral(grid, disc, arms, bulge, rng, contrast=rng.uniform(1.3, 2.4))


def barred_spiral(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
    """Draw a spiral whose two arms start at the ends of a bar.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    radius : float
        Radius of the isophote of a frame, pixels.
    rng : Generator
    """
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
    light = spiral(
        grid, disc, arms, rng.uniform(0.05, 0.12), rng, contrast=rng.uniform(1.0, 2.0), hollow=half
    )
    # The arms wind with their sense, so the bar stands where they start.
    light += bar(
        grid,
        disc,
        arms.sense * roll,
        half * 1.08,
        width=rng.uniform(0.26, 0.38) / 1.08,
        bright=rng.uniform(0.75, 1.1),
    )
    plane, _ = incline(grid, disc.axis_ratio, disc.angle)
    if rng.random() < 0.5:
        ring = (plane - np.float32(half)) / np.float32(0.13 * half)
        glow = np.float32(0.25 * disc.centre) * np.exp(np.float32(-0.5) * ring * ring)
        light += glow[..., None] * spectrum(disc.colour - 0.1)
    return light


def bar(grid: Grid, disc: Disc, roll: float, half: float, *, width: float, bright: float) -> Image:
    """Draw the old stars of a bar in the plane of a disc.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    disc : Disc
    roll : float
        Azimuth of the bar in the disc, radians.
    half : float
        Its semi-major axis, pixels.
    width : float
        Its minor over major axis.
    bright : float
        Brightness of its middle over that of the disc.
    """
    plane, azimuth = incline(grid, disc.axis_ratio, disc.angle)
    azimuth = azimuth - np.float32(roll)
    along, across = plane * np.cos(azimuth), plane * np.sin(azimuth)
    shape = super_radius(along / np.float32(half), across / np.float32(half * width), 2.4)
    light = np.float32(disc.centre * bright) * ferrers(shape, 1.3)
    return np.asarray(light[..., None] * spectrum(disc.colour + 0.2), np.float32)


def spiral(
    grid: Grid,
    disc: Disc,
    arms: SpiralArms,
    bulge: float,
    rng: np.random.Generator,
    *,
    contrast: float,
    hollow: float = 0.0,
) -> Image:
    """Draw the sum of bulge, disc, arms and clumps behind dust.

    Parameters
    ----------
    grid : Grid
        Sampling points.
    disc : Disc
    arms : SpiralArms
    bulge : float
        Light of the bulge over that of the disc.
    rng : Generator
    contrast : float
        Brightness of an arm over that of the disc around it.
    hollow : float
        Radius inside which a bar has cleared the disc.
    """
    plane, azimuth = incline(grid, disc.axis_ratio, disc.angle)
    shine, dust = arms.drawn_on(plane, azimuth, rng)
    # A transparent disc would brighten as 1 / cos i; real ones do so by about half that exponent.
    centre = disc.centre * disc.axis_ratio**-0.4
    smooth = np.float32(centre) * exponential(plane, disc.scale)
    if hollow:
        swept = np.exp(np.float32(-0.5) * (plane / np.float32(0.75 * hollow)) ** 4)
        smooth *= 1 - np.float32(0.45) * swept
    # Young stars reach further out than old ones.
    young = np.float32(0.5 * contrast * centre) * exponential(plane, 1.25 * disc.scale) * shine
    inner, outer = spectrum(disc.colour + 0.12), spectrum(disc.colour - 0.08)
    outwards = np.clip(plane / np.float32(3 * disc.scale), 0, 1)[..., None]
    light = (np.float32(0.85) * smooth)[..., None] * (inner + outwards * (outer - inner))
    light += young[..., None] * spectrum(max(disc.colour - rng.uniform(0.2, 0.32), 0.12))
    depth = np.float32(rng.uniform(0.25, 0.6)) * dust * exponential(plane, 2.5 * disc.scale)
    light *= dust_absorption(depth)
    born = float(young.sum()) / grid.oversampling**2 * rng.uniform(0.10, 0.22)
    light += _young_clusters(grid, disc, arms, born, rng)

    total = bulge * exponential_flux(disc.scale, disc.axis_ratio) * centre
    index = rng.uniform(1.2, 3.0)
    effective = disc.scale * rng.uniform(0.22, 0.38) * (bulge / 0.15) ** 0.35
    flat = 1 - 0.6 * (1 - disc.axis_ratio)
    round_light = sersic(grid.ellipse(flat, disc.angle), effective, index)
    round_light *= np.float32(total / sersic_flux(effective, index, flat))
    total_light: Image = light + round_light[..., None] * spectrum(rng.normal(0.8, 0.04))
    return total_light


def _young_clusters(
    grid: Grid, disc: Disc, arms: SpiralArms, flux: float, rng: np.random.Generator
) -> Image:
    """Return HII regions and young clusters along the arms, with a power law of fluxes."""
    number = int(np.clip(arms.outer**1.3 / 4, 3, 140))
    plane, azimuth = arms.points(rng, number)
    x, y = disc.on_sky(plane, azimuth)
    share = (1 + 30 * rng.random(number)) ** -1.0 * np.exp(-plane / (2.0 * disc.scale))
    share /= share.sum()
    sigma = arms.outer * rng.uniform(0.006, 0.022, number) + 0.15
    blue = clumps(grid, x, y, flux * share, sigma)
    # H alpha lies in r, so an HII region is bluer in r - i than any star.
    return blue[..., None] * spectrum(0.12, -0.12)
