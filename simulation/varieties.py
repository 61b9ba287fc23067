"""The varieties of each class: galaxies as different as those that people put into one class.

A simulated field draws each class in one way (`RECIPES`); cutouts to learn from need more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .discs import edge_on, edge_on_with_bulge, edge_on_without_bulge
from .galaxy import Recipe
from .grid import Grid
from .interacting import disturbed, merging
from .lenticular import barred_lenticular, lenticular, red_disc, ringed_spiral
from .open_arms import flocculent_spiral, grand_design, many_armed
from .smooth import cigar, in_between, round_smooth
from .spirals import barred_spiral, loose_spiral, tight_spiral
from .tidal import close_pair, double_nucleus, irregular, streamed, torn_disc

__all__ = ["VARIETIES", "ClassVarieties"]

Image = NDArray[np.float32]


def _disc_of(low: float, high: float) -> Recipe:
    """Return a recipe of smooth discs with axis ratios between two values."""

    def smooth_disc(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
        disc = red_disc(radius, rng.uniform(low, high), rng)
        bulge = math.exp(rng.uniform(math.log(0.1), math.log(0.8)))
        return lenticular(grid, disc, bulge, rng)

    return smooth_disc


def _edge_on_of(thickness: tuple[float, float], bulge: tuple[float, float]) -> Recipe:
    """Return a recipe of discs seen edge-on with a range of thickness and of bulges."""

    def disc_on_edge(grid: Grid, radius: float, rng: np.random.Generator) -> Image:
        return edge_on(
            grid,
            radius,
            rng,
            thickness=rng.uniform(*thickness),
            bulge=rng.uniform(*bulge),
            colour=rng.normal(0.52, 0.13),
            dust=rng.uniform(0.0, 1.2),
        )

    return disc_on_edge


@dataclass(frozen=True)
class ClassVarieties:
    """The ways to draw one class.

    Attributes
    ----------
    recipes : tuple of (float, Recipe)
        Weight of each variety, and the function that draws it.
    brightness : float
        Mean factor on the surface brightness.
    smallest : float
        Least diameter in units of the seeing at which a person sees what makes the class.
    """

    recipes: tuple[tuple[float, Recipe], ...]
    brightness: float
    smallest: float

    def draw(self, rng: np.random.Generator) -> Recipe:
        """Draw one of the recipes by its weight.

        Parameters
        ----------
        rng : Generator
        """
        weights = np.array([weight for weight, _ in self.recipes])
        return self.recipes[rng.choice(len(weights), p=weights / weights.sum())][1]


VARIETIES: tuple[ClassVarieties, ...] = (
    ClassVarieties(
        ((1.0, disturbed), (1.0, irregular), (1.0, torn_disc), (1.5, streamed)),
        brightness=0.9,
        smallest=9,
    ),
    ClassVarieties(
        ((1.0, merging), (1.5, close_pair), (1.5, double_nucleus)), brightness=1.5, smallest=9
    ),
    ClassVarieties(((1.0, round_smooth), (0.5, _disc_of(0.9, 1.0))), brightness=0.95, smallest=5),
    ClassVarieties(((1.0, in_between), (1.0, _disc_of(0.45, 0.75))), brightness=0.9, smallest=6),
    ClassVarieties(((1.0, cigar), (0.7, _disc_of(0.24, 0.36))), brightness=1.0, smallest=9),
    ClassVarieties(((1.0, barred_spiral), (1.0, barred_lenticular)), brightness=1.2, smallest=12),
    ClassVarieties(
        ((0.3, tight_spiral), (1.0, ringed_spiral), (1.0, many_armed)), brightness=0.95, smallest=15
    ),
    ClassVarieties(
        ((1.0, loose_spiral), (1.0, grand_design), (1.0, flocculent_spiral)),
        brightness=1.0,
        smallest=12,
    ),
    ClassVarieties(
        ((1.0, edge_on_without_bulge), (1.5, _edge_on_of((0.06, 0.11), (0, 0)))),
        brightness=1.5,
        smallest=13,
    ),
    ClassVarieties(
        ((1.0, edge_on_with_bulge), (1.5, _edge_on_of((0.05, 0.09), (0.5, 1.1)))),
        brightness=1.5,
        smallest=13,
    ),
)
"""The varieties of each class of `GALAXY10_DECALS`, in the order of the classes."""
