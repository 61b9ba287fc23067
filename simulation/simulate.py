"""Simulate a field: plan its galaxies and stars, draw them, add sky and noise."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import GALAXY10_DECALS
from ..imaging import Field
from ..imaging.boxes import overlap
from .camera import PIXEL_SCALE, observed
from .galaxy import GalaxyPlan, GalaxyStamp, draw_galaxy
from .profiles import FWHM
from .stars import Spikes, add_star, draw_stars
from .truth import SimulatedField, true_galaxy

__all__ = ["plan_galaxies", "simulate_field"]

Image = NDArray[np.float32]

_SMALLEST_SIDE = 64  # pixels of a field

# Per million pixels: galaxies with a box, about twice those of 34 SDSS fields at high latitude
# (6.5); stars to magnitude 22.4 at high latitude; background galaxies too small for a box.
_GALAXIES, _STARS, _FAINT = 12.0, 70.0, 100.0
# Diameters of the galaxies in pixels, and the exponent with which their number falls with diameter
# (3 and more on the sky, which would leave hardly any large ones).
_SMALLEST, _LARGEST, _SIZE_SLOPE = 20.0, 150.0, 1.5

# Classes with small-scale features are preferred for large diameters.
_SIZE_PREFERENCE = {0: 0.3, 1: 0.4, 5: 0.5, 6: 0.4, 7: 0.5, 8: 0.35, 9: 0.35}
_ROUND, _IN_BETWEEN, _CIGAR, _EDGE_ON = 2, 3, 4, 8


def plan_galaxies(
    rng: np.random.Generator, number: int, width: int, height: int
) -> list[GalaxyPlan]:
    """Draw classes, diameters and positions of the galaxies with boxes.

    Every ten galaxies include all ten classes.  Diameters follow a power law with stratified
    sampling, so that each field has large ones.  Galaxies do not overlap if the field is large
    enough.

    Parameters
    ----------
    rng : Generator
    number : int
        Number of galaxies.
    width, height : int
        Size of the field, pixels.
    """
    diameters = _diameters(rng, number, min(_LARGEST, 0.42 * min(width, height)))
    plans: list[GalaxyPlan] = []
    for class_id, diameter in zip(_classes(rng, number), diameters, strict=True):
        x, y = _place(rng, plans, diameter, width, height)
        plans.append(GalaxyPlan(class_id, diameter, x, y, _redshift(rng, diameter)))
    return plans


def _plan_faint_galaxies(
    rng: np.random.Generator, number: int, width: int, height: int, hosts: list[GalaxyPlan]
) -> list[GalaxyPlan]:
    """Draw small background galaxies, a fifth of them clustered around the large ones."""
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
    """Return descending diameters, one from each of `number` equal shares of the power law."""
    smallest = min(_SMALLEST, largest)
    power = 1 - _SIZE_SLOPE
    share = (np.arange(number) + rng.random(number)) / max(number, 1)
    ends = smallest**power, largest**power
    sizes = (ends[1] + share * (ends[0] - ends[1])) ** (1 / power)
    return [float(size) for size in np.sort(sizes)[::-1]]


def _classes(rng: np.random.Generator, number: int) -> list[int]:
    """Return the classes of galaxies in descending size."""
    count = len(GALAXY10_DECALS)
    rounds = [rng.permutation(count) for _ in range(-(-number // count))]
    drawn = np.concatenate(rounds)[:number] if rounds else np.empty(0, int)
    rank: NDArray[np.float64] = rng.random(number)
    rank -= [_SIZE_PREFERENCE.get(int(class_id), 0.0) for class_id in drawn]
    return [int(class_id) for class_id in drawn[np.argsort(rank)]]


def _place(
    rng: np.random.Generator, plans: list[GalaxyPlan], diameter: float, width: int, height: int
) -> tuple[float, float]:
    """Return a centre inside the field, clear of the others if one is found in 60 tries."""
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
    """Return a redshift, which falls with the apparent diameter."""
    return float(np.clip(2.2 / diameter * np.exp(rng.normal(0, 0.35)), 0.005, 0.4))


def simulate_field(
    seed: int,
    *,
    width: int = 256,
    height: int = 256,
    galaxies: int | None = None,
    stars: int | None = None,
    index: int = 0,
    identifier: str | None = None,
    fwhm: float = FWHM,
) -> SimulatedField:
    """Simulate a field like a frame of SDSS, with known truth.

    Parameters
    ----------
    seed : int
        The same seed and sizes give the same field.
    width, height : int
        Pixels of 0.396 arcsec, at least 64.
    galaxies : int, optional
        Number of galaxies of 20 to 150 pixels (less in small fields); every ten hold all ten
        classes of `GALAXY10_DECALS`.  By default twelve per million pixels, at least one.  Small
        background galaxies are added to them; some of these are large enough for a box.
    stars : int, optional
        Number of stars; by default 70 per million pixels, as at high galactic latitude.
    index : int
        Number of the field; fields of one seed are independent.
    identifier : str, optional
        Identifier of the field; by default ``simulated_0001`` for index 0, and so on.
    fwhm : float
        Full width at half maximum of the point spread function, pixels.

    Returns
    -------
    SimulatedField
        The field with its galaxies and stars.

    Raises
    ------
    ValueError
        If the field is too small or a number is negative.

    Examples
    --------
    >>> simulated = simulate_field(1, width=64, height=64, galaxies=1, stars=2)
    >>> simulated.field.pixels.shape, len(simulated.stars)
    ((64, 64, 3), 2)
    """
    if min(width, height) < _SMALLEST_SIDE:
        raise ValueError(f"a field must be at least {_SMALLEST_SIDE} pixels wide and high")
    if min(galaxies or 0, stars or 0, seed, index) < 0:
        raise ValueError("seed, index and numbers of galaxies and stars must not be negative")
    area = width * height / 1e6
    number = max(1, round(_GALAXIES * area)) if galaxies is None else galaxies
    star_count = round(_STARS * area) if stars is None else stars
    # One stream per subject, so that more stars do not change the galaxies.
    place, shape, star_stream, noise, sky = np.random.default_rng([seed, index]).spawn(5)

    plans = plan_galaxies(place, number, width, height)
    faint = round(_FAINT * area)
    plans += _plan_faint_galaxies(place, faint, width, height, list(plans))
    light = np.zeros((height, width, 3), np.float32)
    stamps = _draw(light, plans, shape, fwhm)
    sources = draw_stars(star_stream, star_count, width, height)
    spikes = Spikes.drawn(star_stream)
    for star in sources:
        add_star(light, star, spikes, fwhm)

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


def _draw(
    light: Image, plans: list[GalaxyPlan], rng: np.random.Generator, fwhm: float
) -> list[GalaxyStamp]:
    """Add all galaxies to the light of the field, each from its own random stream."""
    stamps = []
    for plan, stream in zip(plans, rng.spawn(len(plans)), strict=True):
        stamp = draw_galaxy(
            plan.class_id, plan.diameter, plan.x, plan.y, stream, redshift=plan.redshift, fwhm=fwhm
        )
        in_light, in_stamp = overlap(stamp.edges, light.shape)
        light[in_light] += stamp.pixels[in_stamp]
        stamps.append(stamp)
    return stamps


def _tangent_plane(rng: np.random.Generator, width: int, height: int) -> Any:
    """Return a TAN projection around a random point of the northern galactic cap."""
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
