"""Render one field: galaxies, stars, sky and noise, with its truth."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..imaging import Field
from .bands import PIXEL_SCALE
from .galaxy import GalaxyStamp, draw_galaxy
from .noise import observed
from .population import (
    FAINT_PER_MEGAPIXEL,
    GALAXIES_PER_MEGAPIXEL,
    STARS_PER_MEGAPIXEL,
    GalaxyPlan,
    plan_faint_galaxies,
    plan_galaxies,
)
from .stars import Spikes, add_star, draw_stars
from .truth import SimulatedField, true_galaxy

__all__ = ["SMALLEST_SIDE", "simulate_field"]

Image = NDArray[np.float32]

SMALLEST_SIDE = 64
"""Pixels: a smaller field holds no galaxy of a useful size."""


def simulate_field(
    seed: int,
    *,
    width: int = 256,
    height: int = 256,
    galaxies: int | None = None,
    stars: int | None = None,
    index: int = 0,
    identifier: str | None = None,
) -> SimulatedField:
    """Render a field like a frame of SDSS, of which everything is known.

    Parameters
    ----------
    seed : int
        The same seed and sizes give the same field.
    width, height : int
        Pixels of 0.396 arcsec, at least 64.
    galaxies : int, optional
        Galaxies to be found, 20 to 150 pixels across (less in small fields); every ten hold all ten
        classes of `GALAXY10_DECALS`. By default twelve per million pixels, at least one. Small
        background galaxies are added to them, as on every frame; some of these are large enough
        for a box.
    stars : int, optional
        By default 70 per million pixels, as at high galactic latitude.
    index : int
        Which field of the seed: each is independent of the others.
    identifier : str, optional
        By default ``simulated_0001`` for index 0, and so on.

    Returns
    -------
    SimulatedField
        The field, its galaxies and its stars.

    Raises
    ------
    ValueError
        If the field is too small or a number is negative.
    """
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"a field must be at least {SMALLEST_SIDE} pixels wide and high")
    if min(galaxies or 0, stars or 0, seed, index) < 0:
        raise ValueError("seed, index and numbers of galaxies and stars must not be negative")
    area = width * height / 1e6
    number = max(1, round(GALAXIES_PER_MEGAPIXEL * area)) if galaxies is None else galaxies
    crowd = round(STARS_PER_MEGAPIXEL * area) if stars is None else stars
    # One stream per subject, so that more stars do not change the galaxies.
    place, look, star_stream, noise, sky = np.random.default_rng([seed, index]).spawn(5)

    plans = plan_galaxies(place, number, width, height)
    faint = round(FAINT_PER_MEGAPIXEL * area)
    plans += plan_faint_galaxies(place, faint, width, height, list(plans))
    light = np.zeros((height, width, 3), np.float32)
    stamps = _draw(light, plans, look)
    sources = draw_stars(star_stream, crowd, width, height)
    spikes = Spikes.drawn(star_stream)
    for star in sources:
        add_star(light, star, spikes)

    measured = (true_galaxy(plan, stamp, light) for plan, stamp in zip(plans, stamps, strict=True))
    pixels = observed(light, noise)
    name = identifier or f"simulated_{index + 1:04d}"
    field = Field(
        pixels=pixels,
        identifier=name,
        paths=(),
        checksum=hashlib.sha256(pixels.tobytes()).hexdigest(),
        bad=np.zeros((height, width), bool),
        wcs=_tangent_plane(sky, width, height),
        pixel_scale=PIXEL_SCALE,
        origin="lower",
    )
    found = tuple(galaxy for galaxy in measured if galaxy is not None)
    return SimulatedField(field, found, tuple(sources), seed, index)


def _draw(light: Image, plans: list[GalaxyPlan], rng: np.random.Generator) -> list[GalaxyStamp]:
    """Add all galaxies to the light of the field; each has its own stream."""
    height, width = light.shape[:2]
    stamps = []
    for plan, stream in zip(plans, rng.spawn(len(plans)), strict=True):
        stamp = draw_galaxy(
            plan.class_id, plan.diameter, plan.x, plan.y, stream, redshift=plan.redshift
        )
        size = stamp.pixels.shape[0]
        left, right = max(0, -stamp.left), min(size, width - stamp.left)
        top, bottom = max(0, -stamp.top), min(size, height - stamp.top)
        if left < right and top < bottom:
            light[stamp.top + top : stamp.top + bottom, stamp.left + left : stamp.left + right] += (
                stamp.pixels[top:bottom, left:right]
            )
        stamps.append(stamp)
    return stamps


def _tangent_plane(rng: np.random.Generator, width: int, height: int) -> Any:
    """TAN projection around a random point of the northern galactic cap, turned a little."""
    from astropy.wcs import WCS

    turn = rng.normal(0, math.radians(2))
    step = PIXEL_SCALE / 3600
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crpix = [width / 2 + 0.5, height / 2 + 0.5]
    wcs.wcs.crval = [round(rng.uniform(130, 240), 6), round(rng.uniform(5, 55), 6)]
    # North up and east to the left when row 0 is at the bottom.
    wcs.wcs.cd = [
        [-step * math.cos(turn), step * math.sin(turn)],
        [step * math.sin(turn), step * math.cos(turn)],
    ]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    return wcs
