"""Draw a galaxy of a given class on a small stamp."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import SKY_NOISE, smoothed_noise
from .discs import edge_on_with_bulge, edge_on_without_bulge
from .galaxy_light import BOX_LEVEL
from .grid import Grid
from .interacting import disturbed, merging
from .profiles import FWHM, blurred
from .smooth import cigar, in_between, round_smooth
from .spirals import barred_spiral, loose_spiral, tight_spiral

__all__ = ["RECIPES", "GalaxyPlan", "GalaxyStamp", "draw_galaxy", "grey", "visible"]

Image = NDArray[np.float32]
Recipe = Callable[[Grid, float, np.random.Generator], Image]

RECIPES: tuple[Recipe, ...] = (
    disturbed,
    merging,
    round_smooth,
    in_between,
    cigar,
    barred_spiral,
    tight_spiral,
    loose_spiral,
    edge_on_without_bulge,
    edge_on_with_bulge,
)
"""Functions that draw each class of `GALAXY10_DECALS`, in the order of the classes."""

SMOOTHING = 1.0
"""Width (sigma, pixels) of the Gaussian that smooths the grey image before the isophote."""
# Noise of the mean of three bands of equal noise.
_GREY_NOISE = smoothed_noise(SMOOTHING) / math.sqrt(3)


@dataclass(frozen=True)
class GalaxyPlan:
    """Parameters of a galaxy to be drawn.

    Attributes
    ----------
    class_id : int
        Index into `GALAXY10_DECALS`.
    diameter : float
        Pixels.
    x, y : float
        Centre in the field, pixel-edge coordinates.
    redshift : float
    """

    class_id: int
    diameter: float
    x: float
    y: float
    redshift: float


@dataclass(frozen=True, eq=False)
class GalaxyStamp:
    """A galaxy without noise.

    Attributes
    ----------
    pixels : ndarray
        Shape (size, size, 3), float32: nanomaggies in i, r, g, blurred by the atmosphere.
    left, top : int
        First column and row of the stamp in the field; may be negative.
    """

    pixels: Image
    left: int
    top: int

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Pixel edges of the stamp in the field: ``xmin, ymin, xmax, ymax``."""
        height, width = self.pixels.shape[:2]
        return self.left, self.top, self.left + width, self.top + height


def draw_galaxy(
    class_id: int,
    diameter: float,
    x: float,
    y: float,
    rng: np.random.Generator,
    *,
    redshift: float = 0.0,
    fwhm: float = FWHM,
) -> GalaxyStamp:
    """Draw a galaxy of the given class.

    Parameters
    ----------
    class_id : int
        Index into `GALAXY10_DECALS`.
    diameter : float
        Approximate longest extent above the noise, pixels.
    x, y : float
        Centre in the field, pixel-edge coordinates.
    rng : Generator
        Draws the shape, colours and details.
    redshift : float
        Redshift, which reddens the light as the 4000 Angstrom break moves through g.
    fwhm : float
        Full width at half maximum of the point spread function, pixels.

    Returns
    -------
    GalaxyStamp

    Examples
    --------
    >>> import numpy as np
    >>> draw_galaxy(6, 40, x=50, y=50, rng=np.random.default_rng(0)).pixels.shape
    (108, 108, 3)
    """
    oversampling = 3 if diameter < 32 else 2 if diameter < 90 else 1
    broader = max(0.0, fwhm - FWHM)
    size = 2 * math.ceil(1.25 * diameter + 2 * broader) + 8
    left, top = round(x) - size // 2, round(y) - size // 2
    shift = (x - left - size / 2, y - top - size / 2)
    grid = Grid.around(size, oversampling, shift)
    light = RECIPES[class_id](grid, diameter / 2, rng)
    # 1.6 z in g - r and 0.4 z in r - i: the k-corrections of early and middle types differ around
    # this mean (Chilingarian et al. 2010).
    light = light * np.array(
        [10 ** (0.4 * 0.4 * redshift), 1, 10 ** (-0.4 * 1.6 * redshift)], np.float32
    )
    return GalaxyStamp(blurred(light * _window(grid), grid, fwhm), left, top)


def grey(pixels: Image) -> Image:
    """Return the smoothed mean of the three bands, in units of its noise.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W, 3)
        Nanomaggies in i, r, g.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    mean = (pixels * (1 / (3 * SKY_NOISE)).astype(np.float32)).sum(axis=2)
    smooth = np.asarray(cv2.GaussianBlur(mean, (0, 0), SMOOTHING), np.float32)
    return smooth / np.float32(_GREY_NOISE)


def visible(pixels: Image) -> NDArray[np.bool_]:
    """Return the mask of the pixels above `BOX_LEVEL`, which define the box of a galaxy.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W, 3)
        Nanomaggies in i, r, g, without noise.
    """
    return grey(pixels) > BOX_LEVEL


def _window(grid: Grid) -> Image:
    """Return a taper from 1 in the middle of the stamp to 0 at its edge."""
    radius = np.hypot(grid.x, grid.y) * np.float32(2 / grid.size)
    fade = np.clip((radius - np.float32(0.7)) / np.float32(0.28), 0, 1)
    taper: Image = np.float32(0.5) * (1 + np.cos(np.float32(math.pi) * fade))
    return taper[..., None]
