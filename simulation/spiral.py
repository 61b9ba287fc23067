"""Logarithmic spiral arms: where the arms of a disc are bright, dusty and clumpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .texture import TILE, sampled_field

__all__ = ["SpiralArms"]

Image = NDArray[np.float32]


@dataclass(frozen=True)
class SpiralArms:
    """A set of logarithmic arms in the plane of a disc.

    Arm k lies at the azimuth ``start[k] + ln(radius / inner) / tan(pitch[k])`` (times the sense of
    winding). The pitch angle is what tells tight from loose: Galaxy Zoo volunteers call arms below
    about 15 degrees tight and above 22 degrees loose (Masters et al. 2019).

    Attributes
    ----------
    pitch : tuple of float
        Pitch angle of each arm, radians.
    start : tuple of float
        Azimuth of each arm at its inner end, radians.
    strength : tuple of float
        Brightness of each arm, about 1.
    inner, outer : float
        Radii between which the arms are seen, pixels.
    width : float
        Half-width of an arm in units of the distance between two arms.
    sense : int
        +1 or -1: the way the arms wind.
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
        """Arms of about the given pitch (degrees), as uneven as those of real galaxies."""
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

    def azimuth(self, arm: int, radius: NDArray[np.float64]) -> NDArray[np.float64]:
        """Azimuth of an arm's ridge at the given radii."""
        turn = np.log(radius / self.inner) / math.tan(self.pitch[arm])
        return self.sense * (self.start[arm] + turn)

    def drawn_on(
        self, radius: Image, azimuth: Image, rng: np.random.Generator, patchiness: float = 0.55
    ) -> tuple[Image, Image]:
        """Brightness and dust of the arms.

        Parameters
        ----------
        radius, azimuth : ndarray
            Polar coordinates in the disc.
        rng : Generator
            Source of the patches.
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
        # No arm keeps to its spiral: it wanders by a fraction of the distance to the next.
        wander = np.float32(0.11 * spacing) * sampled_field(rng, along, turns * np.float32(16), 4.0)
        for pitch, start, strength in zip(self.pitch, self.start, self.strength, strict=True):
            ridge = np.float32(start) + turns * np.float32(1 / math.tan(pitch))
            phase = np.float32(self.sense) * azimuth - ridge + wander
            phase -= np.float32(2 * math.pi) * np.round(phase * np.float32(0.5 / math.pi))
            away = phase * np.float32(1 / (spacing * self.width))
            # At one azimuth the arm moves outwards with winding, so a positive phase is inside it;
            # shocked gas and dust gather on that side, and the outer side fades slowly.
            side = np.where(away > 0, away * np.float32(1.35), away * np.float32(0.85))
            light += np.float32(strength) * np.exp(np.float32(-0.5) * side * side)
            lane = (away - np.float32(1.0)) * np.float32(2.6)
            dust += np.exp(np.float32(-0.5) * lane * lane)
        # Sheared along the arms, so that the patches are stretched along them into spurs.
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
        """Radii and azimuths of points strewn along the arms, where stars are born."""
        reach = self.outer - self.inner
        radius = self.inner + reach * rng.beta(1.5, 2.0, number)
        arm = rng.integers(0, len(self.pitch), number)
        azimuth = np.array([self.azimuth(k, r) for k, r in zip(arm, radius, strict=True)])
        scatter = 2 * math.pi / len(self.pitch) * self.width * 0.6
        return radius, azimuth.reshape(number) + rng.normal(0, scatter, number)


def _between(radius: Image, inner: float, outer: float) -> Image:
    rise = expit((radius - np.float32(0.85 * inner)) * np.float32(9 / inner))
    return rise * expit((np.float32(outer) - radius) * np.float32(10 / outer))
