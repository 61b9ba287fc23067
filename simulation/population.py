"""Which galaxies stand in a field, how large and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..annotations import GALAXY10_DECALS

__all__ = ["FAINT_PER_MEGAPIXEL", "GALAXIES_PER_MEGAPIXEL", "STARS_PER_MEGAPIXEL"]
__all__ += ["GalaxyPlan", "plan_faint_galaxies", "plan_galaxies"]

GALAXIES_PER_MEGAPIXEL = 12.0
"""Galaxies with a box: about twice what 34 SDSS fields at high latitude show (6.5)."""
STARS_PER_MEGAPIXEL = 70.0
"""Stars to magnitude 22.4 at high latitude."""
FAINT_PER_MEGAPIXEL = 100.0
"""Galaxies too small for a box, that fill the background of every frame."""

SMALLEST, LARGEST = 20.0, 150.0
"""Diameters in pixels."""
SIZE_SLOPE = 1.5
"""Counts fall as diameter to the minus this (3 and more on the sky: here the large ones count)."""

# Classes whose features need resolution are given larger galaxies, more often than not.
_FAVOUR = {0: 0.3, 1: 0.4, 5: 0.5, 6: 0.4, 7: 0.5, 8: 0.35, 9: 0.35}
_ROUND, _IN_BETWEEN, _CIGAR, _EDGE_ON = 2, 3, 4, 8


@dataclass(frozen=True)
class GalaxyPlan:
    """A galaxy before it is drawn: class, diameter (pixels), centre (pixel edges), redshift."""

    class_id: int
    diameter: float
    x: float
    y: float
    redshift: float


def plan_galaxies(
    rng: np.random.Generator, number: int, width: int, height: int
) -> list[GalaxyPlan]:
    """Plan the galaxies that are meant to be found.

    Every ten galaxies hold all ten classes. Their diameters follow a power law, evenly sampled so
    that each field has its large ones; they keep apart where the field is wide enough.
    """
    diameters = _diameters(rng, number, min(LARGEST, 0.42 * min(width, height)))
    plans: list[GalaxyPlan] = []
    for class_id, diameter in zip(_classes(rng, number), diameters, strict=True):
        x, y = _place(rng, plans, diameter, width, height)
        plans.append(GalaxyPlan(class_id, diameter, x, y, _redshift(rng, diameter)))
    return plans


def plan_faint_galaxies(
    rng: np.random.Generator, number: int, width: int, height: int, hosts: list[GalaxyPlan]
) -> list[GalaxyPlan]:
    """Plan small background galaxies, a fifth of them gathered around the large ones."""
    plans = []
    for _ in range(number):
        diameter = float(4.5 * (1 - rng.random()) ** (-1 / 2.6))
        class_id = int(rng.choice((_ROUND, _IN_BETWEEN, _CIGAR, _EDGE_ON), p=(0.3, 0.4, 0.2, 0.1)))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if hosts and rng.random() < 0.2:
            host = hosts[int(rng.integers(len(hosts)))]
            x, y = rng.normal((host.x, host.y), 1.5 * host.diameter)
        diameter = min(diameter, 15.0)
        plans.append(GalaxyPlan(class_id, diameter, float(x), float(y), _redshift(rng, diameter)))
    return plans


def _diameters(rng: np.random.Generator, number: int, largest: float) -> list[float]:
    """Descending diameters, one from each of `number` equal shares of the power law."""
    smallest = min(SMALLEST, largest)
    power = 1 - SIZE_SLOPE
    share = (np.arange(number) + rng.random(number)) / max(number, 1)
    ends = smallest**power, largest**power
    sizes = (ends[1] + share * (ends[0] - ends[1])) ** (1 / power)
    return [float(size) for size in np.sort(sizes)[::-1]]


def _classes(rng: np.random.Generator, number: int) -> list[int]:
    """Classes for galaxies in descending size."""
    count = len(GALAXY10_DECALS)
    rounds = [rng.permutation(count) for _ in range(-(-number // count))]
    drawn = np.concatenate(rounds)[:number] if rounds else np.empty(0, int)
    rank: NDArray[np.float64] = rng.random(number)
    rank -= [_FAVOUR.get(int(class_id), 0.0) for class_id in drawn]
    return [int(class_id) for class_id in drawn[np.argsort(rank)]]


def _place(
    rng: np.random.Generator, plans: list[GalaxyPlan], diameter: float, width: int, height: int
) -> tuple[float, float]:
    """Centre, mostly inside the field and, if one of many tries succeeds, clear of the others."""
    margin = 0.55 * diameter if diameter > 60 else 0.2 * diameter
    across, down = min(margin, 0.45 * width), min(margin, 0.45 * height)
    best, freest = (width / 2, height / 2), -np.inf
    for _ in range(60):
        x, y = rng.uniform(across, width - across), rng.uniform(down, height - down)
        gaps = [np.hypot(x - plan.x, y - plan.y) / (diameter + plan.diameter) for plan in plans]
        free = min(gaps, default=np.inf)
        if free > 0.7:
            return float(x), float(y)
        if free > freest:
            best, freest = (x, y), free
    return float(best[0]), float(best[1])


def _redshift(rng: np.random.Generator, diameter: float) -> float:
    """Redshift: the smaller a galaxy looks, the further it is as a rule."""
    return float(np.clip(2.2 / diameter * np.exp(rng.normal(0, 0.35)), 0.005, 0.4))
