"""Add star clusters, saturated stars and trails to training tiles.

These are rare in the annotated fields, which are at high galactic latitude.  Without them, a
detector mistakes blended stars and star clusters for galaxies, the halo of a saturated star for a
galaxy with a nucleus, and satellite trails for edge-on galaxies.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import iou
from ...simulation.grid import splat
from ...simulation.profiles import BETA, moffat
from .training_tiles import TrainingTile

__all__ = ["crowd", "glare", "trail"]

# Full width at half maximum of stars in frame pixels (SDSS: 1.0 to 1.8 arcsec at 0.396 arcsec per
# pixel), and its lower limit in pixels of tiles shrunk by averaging.
_FWHM = (2.5, 4.5)
_NARROWEST = 1.3
# Range of the number of stars per tile at the scale of the frame, largest number per tile, and
# exponent of the cumulative brightness distribution.
_FEWEST, _MOST, _LIMIT = 150, 2500, 12_000
_SLOPE = 0.6
# Central brightness of the faintest and the brightest star, grey levels.
_FAINTEST, _BRIGHTEST = 8.0, 4000.0
# Grey level above which the asinh stretch of survey images compresses light.
_KNEE = 45.0
_ATTEMPTS = 4
# Range of the brightness of a trail, grey levels.
_TRAIL = (10.0, 400.0)
# Mean added grey level in a box up to which its object is still visible.
_CLEAR = 4.0


def crowd(tile: TrainingTile, scale: float, rng: np.random.Generator) -> TrainingTile:
    """Add many stars to a tile, evenly or concentrated in a cluster.

    Parameters
    ----------
    tile : TrainingTile
    scale : float
        Tile pixels per frame pixel.
    rng : Generator

    Returns
    -------
    TrainingTile
        Objects hidden by stars are ignored in training.
    """
    size = tile.image.shape[0]
    density = np.exp(rng.uniform(np.log(_FEWEST), np.log(_MOST)))
    number = int(min(density / scale**2, _LIMIT))
    if rng.random() < 0.5:
        places = rng.uniform(-0.1, 1.1, (number, 2)) * size
    else:
        centre = rng.uniform(0.1, 0.9, 2)
        # A projected Plummer sphere.
        share = rng.uniform(0, 0.97, number)
        radius = rng.uniform(0.08, 0.5) * np.sqrt(share / (1 - share))
        turn = rng.uniform(0, 2 * np.pi, number)
        places = (centre + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)) * size
    width = max(rng.uniform(*_FWHM) * scale, _NARROWEST)
    rank = rng.uniform(_BRIGHTEST**-_SLOPE, _FAINTEST**-_SLOPE, number)
    # Averaging dilutes stars that are narrower than the pixels of a shrunk tile.
    peaks = rank ** (-1 / _SLOPE) * min(1.0, (scale * _FWHM[0] / width) ** 2)
    columns, rows = (places - 0.5).T
    light = splat((size, size, 3), columns, rows, peaks[:, None] * _colours(rng, number))
    reach = np.arange(-np.ceil(3 * width), np.ceil(3 * width) + 1)
    kernel = moffat(np.hypot(reach[:, None], reach), width, BETA).astype(np.float32)
    seen = np.asarray(cv2.filter2D(light, -1, kernel), np.float32)
    return _in_front(tile, _compressed(seen))


def glare(tile: TrainingTile, scale: float, rng: np.random.Generator) -> TrainingTile:
    """Add a saturated star with halo, spikes, and a core that differs between bands.

    Parameters
    ----------
    tile : TrainingTile
    scale : float
        Tile pixels per frame pixel.
    rng : Generator

    Returns
    -------
    TrainingTile
        Unchanged if the star would hide an object.
    """
    size = tile.image.shape[0]
    core = max(rng.uniform(4.0, 22.0) * scale, 2.0)
    reach = 2 * core
    taken = np.concatenate([tile.boxes, tile.cut])
    for _ in range(_ATTEMPTS):
        x, y = rng.uniform(0, size, 2)
        if iou([(x - reach, y - reach, x + reach, y + reach)], taken).max(initial=0.0) == 0:
            break
    else:
        return tile
    down, across = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    angle, length = rng.uniform(0, np.pi / 2), core * rng.uniform(4.0, 9.0)
    halo, spikes = rng.uniform(40, 260), rng.uniform(0, 90)
    tint = _colours(rng, 1)[0] * np.exp(rng.normal(0, 0.25, 3))
    image = tile.image.astype(np.float32)
    for band in range(3):
        # Bands are observed minutes apart, so that halos and reflections are offset.
        dx, dy = across - x - rng.normal(0, 0.1 * core), down - y - rng.normal(0, 0.1 * core)
        radius = np.hypot(dx, dy)
        light = halo * tint[band] / (1 + (radius / core) ** 2) ** rng.uniform(1.0, 1.6)
        along = dx * np.cos(angle) + dy * np.sin(angle)
        aside = dy * np.cos(angle) - dx * np.sin(angle)
        for one, other in ((along, aside), (aside, along)):
            light += spikes * np.exp(-np.abs(one) / length - (other / max(scale, 0.6)) ** 2)
        light += 400 * np.exp(-((radius / (0.35 * core)) ** 2))
        image[..., band] += light
        # Saturated pixels may have any value.
        if rng.random() < 0.3:
            saturated = (radius < core * rng.uniform(0.15, 0.45)) & (
                np.abs(dx) < core * rng.random()
            )
            image[..., band][saturated] = rng.uniform(0, 140)
    return replace(tile, image=np.clip(image, 0, 255).astype(np.uint8))


def trail(tile: TrainingTile, scale: float, rng: np.random.Generator) -> TrainingTile:
    """Add the trail of a satellite or asteroid.

    Parameters
    ----------
    tile : TrainingTile
    scale : float
        Tile pixels per frame pixel.
    rng : Generator

    Returns
    -------
    TrainingTile
        Objects hidden by the trail are ignored in training.
    """
    size = tile.image.shape[0]
    width = max(rng.uniform(*_FWHM) * scale, _NARROWEST)
    x, y = rng.uniform(0, size, 2)
    angle = rng.uniform(0, np.pi)
    down, across = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    along = (across - x) * np.cos(angle) + (down - y) * np.sin(angle)
    aside = (down - y) * np.cos(angle) - (across - x) * np.sin(angle)
    # Half of the trails cross the whole tile; the others are as long as one or a few galaxies.
    length = np.inf if rng.random() < 0.5 else width * np.exp(rng.uniform(np.log(4), np.log(40)))
    beyond = np.maximum(np.abs(along) - length / 2, 0)
    profile = moffat(np.hypot(aside, beyond).astype(np.float64), width, BETA)
    brightness = np.exp(rng.uniform(*np.log(_TRAIL)))
    colour = _colours(rng, 1)[0]
    if rng.random() < 0.5:
        # Bands are observed minutes apart: a moving object is visible in only one.
        colour = np.where(np.arange(3) == rng.integers(3), 3.0, 0.0)
    return _in_front(
        tile,
        _compressed(
            (profile.astype(np.float32)[..., None] * brightness * colour).astype(np.float32)
        ),
    )


def _in_front(tile: TrainingTile, light: NDArray[np.float32]) -> TrainingTile:
    """Add light to a tile; objects that it hides are ignored in training."""
    hidden = np.array([_mean_in(light, box) > _CLEAR for box in tile.boxes], dtype=bool)
    return replace(
        tile,
        image=np.clip(tile.image + light, 0, 255).astype(np.uint8),
        boxes=tile.boxes[~hidden],
        class_ids=tile.class_ids[~hidden],
        ignored=np.concatenate([tile.ignored, tile.boxes[hidden]]),
    )


def _colours(rng: np.random.Generator, number: int) -> NDArray[np.float64]:
    """Draw the colours of one population of stars: RGB factors, shape (number, 3)."""
    warmth = rng.normal(rng.normal(0.05, 0.2), 0.2, number)
    return np.exp(np.stack([warmth, np.zeros(number), -warmth], axis=1))


def _compressed(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compress light by the asinh stretch of a survey image, keeping its colour."""
    brightness = np.maximum(light.mean(axis=2, keepdims=True), np.float32(1e-3))
    factor: NDArray[np.float32] = _KNEE * np.arcsinh(brightness / _KNEE) / brightness
    return light * factor


def _mean_in(light: NDArray[np.float32], box: NDArray[np.float64]) -> float:
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    return float(light[y0:y1, x0:x1].mean())
