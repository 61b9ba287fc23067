"""The sky of a field: its level, its noise, and where there is no sky at all."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["background", "correlation_length", "padding"]

_SAMPLE = 100_000  # pixels: the level is then known to 0.005 of the noise
_CLIP = 3.0
_ROUNDS = 12
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_LEAST_SHARE = 0.02  # of the field that must be left as sky
_RUN = 5  # pixels


def background(
    band: NDArray[np.float32], ignore: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Return the level and the noise of the sky of one band.

    Pixels further than three sigma from the median are clipped until nothing changes; the level is
    the mode after SExtractor (Bertin and Arnouts 1996), and the noise is measured below the level,
    where no star or galaxy adds to it.

    Parameters
    ----------
    band : ndarray
        (H, W), float32, in any unit.
    ignore : ndarray, optional
        (H, W), bool: pixels without data.

    Returns
    -------
    level, noise : float
        In the unit of the band; the noise is above 0 also for a band without any.
    """
    values = (band if ignore is None else band[~ignore]).ravel()
    values = values[:: max(1, values.size // _SAMPLE)].astype(np.float64)
    if not values.size:
        return 0.0, 1.0
    everything = values
    for _ in range(_ROUNDS):
        middle = np.median(values)
        spread = _MAD_TO_SIGMA * np.median(np.abs(values - middle))
        kept = values[np.abs(values - middle) <= _CLIP * spread]
        if kept.size in (0, values.size):
            break
        values = kept
    middle, mean = float(np.median(values)), float(values.mean())
    crowded = abs(mean - middle) > 0.3 * values.std()
    level = middle if crowded else 2.5 * middle - 1.5 * mean
    below = values[values <= level]
    noise = float(np.sqrt(np.mean((below - level) ** 2))) if below.size else 0.0
    tiny = 1e-6 * max(abs(level), float(np.abs(everything).max()))
    if noise <= tiny:
        # a picture without noise: the brightest parts decide what is faint
        noise = float(np.quantile(everything, 0.999) - level) / 100
    return level, noise if noise > tiny else 1.0


def correlation_length(
    band: NDArray[np.float32], level: float, noise: float, ignore: NDArray[np.bool_]
) -> float:
    """Return how smooth the noise of the sky is.

    Noise that was white and then smoothed by a Gaussian of s pixels has between neighbours the
    correlation exp(-1 / (4 s**2)); this solves for s.

    Parameters
    ----------
    band : ndarray
        (H, W), float32.
    level, noise : float
        From `background`.
    ignore : ndarray
        (H, W), bool: pixels without data.

    Returns
    -------
    float
        Pixels; 0 for white noise.
    """
    step = max(1, band.shape[0] // 500)
    rows = band[::step]
    quiet = (np.abs(rows - level) < _CLIP * noise) & ~ignore[::step]
    pairs = quiet[:, 1:] & quiet[:, :-1]
    if np.count_nonzero(pairs) < 100:
        return 0.0
    first, second = rows[:, 1:][pairs] - level, rows[:, :-1][pairs] - level
    power = float(np.mean(first * first) + np.mean(second * second)) / 2
    shared = float(np.mean(first * second)) / power if power > 0 else 0.0
    return float(np.sqrt(-0.25 / np.log(min(shared, 0.99)))) if shared > 0.01 else 0.0


def padding(bands: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a field is filled with a constant for want of data.

    Mosaics are padded with zeros or another number; real sky never has the same value on a whole
    patch. Returns nothing where hardly any other pixel would be left: such a field has no noise.

    Parameters
    ----------
    bands : ndarray
        (H, W, C), float32.

    Returns
    -------
    ndarray
        (H, W), bool.
    """
    flat = np.ones(bands.shape[:2], dtype=bool)
    for band in np.moveaxis(bands, 2, 0):
        flat[:, 1:] &= band[:, 1:] == band[:, :-1]
        flat[1:] &= band[1:] == band[:-1]
    if not flat.any():
        return flat
    # the comparison looks up and left only, so a patch loses its first row and column
    patches = cv2.morphologyEx(flat.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_RUN, _RUN)))
    grown = cv2.dilate(patches, np.ones((2, 2)), anchor=(0, 0)).astype(bool)
    brightest = bands.mean(axis=2)
    left = ~grown
    if left.mean() < _LEAST_SHARE:
        return np.zeros_like(grown)
    # the flat core of a saturated star is not padding
    return grown & (brightest <= np.median(brightest[left]))
