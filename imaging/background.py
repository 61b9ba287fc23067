"""Sky level and noise of images, and isophotes above the sky.

`background` measures a band of a field in any unit, for the stretch; `noise_level` measures an
8-bit grey image, as in the definition of annotated boxes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAD_TO_SIGMA",
    "background",
    "correlation_length",
    "extent",
    "has_few_photons",
    "isophote",
    "median",
    "noise_level",
    "sky_level",
    "smoothed_grey",
]

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

_SAMPLE = 100_000  # pixels: the error of the level is then 0.005 of the noise
_CLIP = 3.0
_ROUNDS = 12
_FEW_PHOTONS = 0.4  # of the pixels of one value: the noise is below one step of the values
_SMOOTHING = 1.0  # pixels
_STEP = 3  # pixels between those of a sample of a grey image
# The sky of many 8-bit images is clipped at black and has no measurable noise.
_LEAST_NOISE = 0.5  # grey levels


def background(
    band: NDArray[np.float32], ignore: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Estimate the sky level of one band and its noise.

    Pixels are clipped at three sigma from the median until convergence.  The level is the mode as
    estimated by SExtractor (Bertin and Arnouts 1996, A&AS 117, 393); the noise is measured from the
    pixels below it, which are free of sources.

    Parameters
    ----------
    band : ndarray of float32, shape (H, W)
        In any unit.
    ignore : ndarray of bool, shape (H, W), optional
        Pixels without data.

    Returns
    -------
    level, noise : float
        In the unit of the band; the noise is positive even if the band has none.
    """
    values = (band if ignore is None else band[~ignore]).ravel()
    values = values[:: max(1, values.size // _SAMPLE)].astype(np.float64)
    if not values.size:
        return 0.0, 1.0
    everything = values
    for _ in range(_ROUNDS):
        middle, spread = _median_and_spread(values)
        kept = values[np.abs(values - middle) <= _CLIP * spread]
        if kept.size in (0, values.size):
            break
        values = kept
    middle, _ = _median_and_spread(values)
    mean = float(values.mean())
    crowded = abs(mean - middle) > 0.3 * values.std()
    level = middle if crowded else 2.5 * middle - 1.5 * mean
    below = values[values <= level]
    noise = float(np.sqrt(np.mean((below - level) ** 2))) if below.size else 0.0
    tiny = 1e-6 * max(abs(level), float(np.abs(values).max()))
    if noise <= tiny:
        # Without noise, the scale follows from the brightest pixels.
        noise = float(np.quantile(everything, 0.999) - level) / 100
    return level, noise if noise > tiny else 1.0


def correlation_length(
    band: NDArray[np.float32], level: float, noise: float, ignore: NDArray[np.bool_]
) -> float:
    """Estimate the correlation length of the noise of the sky.

    White noise smoothed by a Gaussian of standard deviation s has the correlation
    ``exp(-1 / (4 s**2))`` between neighbouring pixels, which is solved for s.

    Parameters
    ----------
    band : ndarray of float32, shape (H, W)
    level, noise : float
        From `background`.
    ignore : ndarray of bool, shape (H, W)
        Pixels without data.

    Returns
    -------
    float
        Standard deviation in pixels; 0 for white noise.
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


def has_few_photons(band: NDArray[np.number[Any]], ignore: NDArray[np.bool_]) -> bool:
    """Return whether the values of the sky are too coarse to show its noise.

    In images of single photons (ultraviolet, X-rays) most pixels of the sky are 0.  Their noise is
    far from normal: a pixel may exceed it a hundred times by chance.

    Parameters
    ----------
    band : ndarray, shape (H, W)
    ignore : ndarray of bool, shape (H, W)
        Pixels without data.
    """
    values = band[~ignore]
    values = values[:: max(1, values.size // _SAMPLE)]
    if not values.size:
        return False
    return bool(np.mean(values == np.median(values)) > _FEW_PHOTONS)


def smoothed_grey(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the mean of the colours, smoothed by a Gaussian of one pixel.

    Parameters
    ----------
    image : ndarray, shape (H, W, C)

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    # Channel by channel: a mean over the last axis takes several times as long.
    grey = image[..., 0].astype(np.float32)
    for channel in range(1, image.shape[2]):
        grey += image[..., channel].astype(np.float32)
    grey /= np.float32(image.shape[2])
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), _SMOOTHING), np.float32)


def noise_level(grey: NDArray[np.float32], *, clipped: bool = False) -> tuple[float, float]:
    """Estimate sky and noise of a grey image by the median and the median absolute deviation.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From `smoothed_grey`, in levels of an 8-bit image.
    clipped : bool
        Clip sources at three sigma until convergence.  If galaxies cover a third of a field, the
        unclipped noise is four times that of the sky.

    Returns
    -------
    sky, noise : float
        Grey levels; the noise is 0.5 or more.
    """
    sample = grey[::_STEP, ::_STEP].ravel()
    while True:
        sky, spread = _median_and_spread(sample)
        noise = max(spread, _LEAST_NOISE)
        kept = sample[sample < sky + _CLIP * noise]
        if not clipped or len(kept) == len(sample):
            return sky, noise
        sample = kept


def sky_level(grey: NDArray[np.float32]) -> float:
    """Return the sky of a grey image, as `noise_level` estimates it without clipping.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
        From `smoothed_grey`.
    """
    return median(grey[::_STEP, ::_STEP].ravel())


def median(values: NDArray[np.floating[Any]]) -> float:
    """Return the median of finite values.

    ``np.median`` gives the same, but takes six times as long, since it also looks for NaN.

    Parameters
    ----------
    values : ndarray of float, shape (N,)
        At least one value.
    """
    half = len(values) // 2
    parts = np.partition(values, half)
    if len(values) % 2:
        return float(parts[half])
    return float((parts[:half].max() + parts[half]) / values.dtype.type(2))


def _median_and_spread(values: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the median, and the standard deviation from the median absolute deviation."""
    middle = median(values)
    return middle, MAD_TO_SIGMA * median(np.abs(values - middle))


def isophote(grey: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Return the mask of the connected region above a level around the brightest pixel.

    Parameters
    ----------
    grey : ndarray of float32, shape (H, W)
    level : float
        In the unit of the image.
    """
    above = (grey > level).astype(np.uint8)
    _, regions = cv2.connectedComponents(above)
    peak = np.unravel_index(int(grey.argmax()), grey.shape)
    same: NDArray[np.bool_] = regions == regions[peak]
    return same & (above > 0)


def extent(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return the box of the pixels of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)

    Returns
    -------
    xmin, ymin, xmax, ymax : float
        Pixel edges, 0-based, half-open; zeros for an empty mask.
    """
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return float(left), float(top), float(left + width), float(top + height)
