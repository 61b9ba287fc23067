"""Recognise pictures whose values are proportional to flux, and negatives, by their histogram."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import sep
from numpy.typing import NDArray

from .background import MAD_TO_SIGMA

__all__ = ["Levels", "is_almost_black", "is_linear", "is_negative", "measure_levels"]

_SIDE = 1024  # pixels: of the middle part of a large picture, whose sky is measured
_SAMPLED_SIDE = 256  # pixels along the longer side of the sample that gives the levels

# A picture made for display uses the range of its file, and shows the noise of the sky with a step
# or more of 255.  Of 1,100 pictures of Galaxy Zoo, SDSS and the Legacy Surveys none has a brightest
# pixel below 0.45, noise below 1.3 of 255, or a brightest pixel above 160 times the noise; smoothed
# by 3 pixels none has noise below 0.65 of 255 or a brightest pixel above 290 times it.
_UNUSED_RANGE = 0.25
_NOISE = 0.6 / 255
_CONTRAST = 250.0
# In a linear picture, most of what is brighter than the sky is far fainter than the brightest.
_DETECTED = 5.0
_FAINT = 0.06
_MESH = 64
_LEVELS = 65535
_STEP_OF_8_BITS = 256

_BLACK = 4 / 255
_BRIGHT_SKY = 0.6
_DARKER = 3.0


class Levels(NamedTuple):
    """Percentiles of a picture, white being 1.

    Attributes
    ----------
    darkest, sky, bright, brightest : float
        Percentiles 0.1, 50, 99 and 99.9.
    """

    darkest: float
    sky: float
    bright: float
    brightest: float


def is_linear(pixels: NDArray[Any], bad: NDArray[np.bool_], full: float) -> bool:
    """Return whether a picture of 16 bits or more is linear, and not made for display.

    It is linear if it uses less than a quarter of its range, as data of 12 and 14 bits do, if it is
    almost black, or if its sky has a narrow peak: noise that a display does not show, a brightest
    pixel hundreds of times above it, and most objects close to the sky.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        The picture.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    full : float
        Value of white in graphics programs.
    """
    if _is_widened(pixels, full):
        return False
    grey, missing = _middle(pixels, bad, full)
    good = grey[~missing]
    darkest, sky, brightest = (float(value) for value in np.percentile(good, (0, 50, 100)))
    if brightest < _UNUSED_RANGE or is_almost_black(measure_levels(pixels, bad, full)):
        return True
    mesh = min(_MESH, max(grey.shape) // 8 + 1)
    level = sep.Background(grey, mask=missing, bw=mesh, bh=mesh).back()
    above = (grey - level)[~missing]
    noise = MAD_TO_SIGMA * float(np.median(np.abs(above)))
    if sky - darkest < 2 * noise:
        # The sky was cut off at black, as is done for display.
        return False
    detected = above[above > _DETECTED * noise]
    return (
        0 < noise < _NOISE
        and brightest - sky > _CONTRAST * noise
        and len(detected) > 0
        and bool(np.median(detected) < _FAINT * (brightest - sky))
    )


def is_almost_black(levels: Levels) -> bool:
    """Return whether 99 % of the pixels are darker than 4 of 255 levels.

    Parameters
    ----------
    levels : Levels
        From `measure_levels`.
    """
    return levels.bright < _BLACK


def is_negative(levels: Levels) -> bool:
    """Return whether a picture shows dark objects on a bright sky.

    Parameters
    ----------
    levels : Levels
        From `measure_levels`.
    """
    darker, brighter = levels.sky - levels.darkest, levels.brightest - levels.sky
    return levels.sky > _BRIGHT_SKY and darker > _DARKER * brighter


def measure_levels(pixels: NDArray[Any], bad: NDArray[np.bool_], full: float) -> Levels:
    """Return levels of the mean of the channels, measured on a grid of pixels.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        The picture.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    full : float
        Value of white.
    """
    step = 1 + max(bad.shape) // _SAMPLED_SIDE
    if bad[::step, ::step].all():
        step = 1
    grey = _mean(pixels[::step, ::step], full)[~bad[::step, ::step]]
    return Levels(*np.percentile(grey, (0.1, 50, 99, 99.9)).tolist())


def _mean(pixels: NDArray[Any], full: float) -> NDArray[np.float32]:
    count = pixels.shape[2]
    total = sum(pixels[..., band].astype(np.float32) for band in range(count))
    return np.ascontiguousarray(total / np.float32(count * full), dtype=np.float32)


def _middle(
    pixels: NDArray[Any], bad: NDArray[np.bool_], full: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean of the channels of the middle of a picture, white being 1, and `bad`."""
    rows, columns = (
        slice((side - min(side, _SIDE)) // 2, (side + min(side, _SIDE)) // 2) for side in bad.shape
    )
    missing = bad[rows, columns]
    if missing.all():
        rows = columns = slice(None)
        missing = bad
    return _mean(pixels[rows, columns], full), np.ascontiguousarray(missing)


def _is_widened(pixels: NDArray[Any], full: float) -> bool:
    """Return whether a picture of 8 bits was saved with more."""
    shares = np.clip(pixels[:_SIDE, :_SIDE] * np.float32(_LEVELS / full), 0, _LEVELS)
    levels = np.flatnonzero(np.bincount(np.rint(shares).astype(np.int32).ravel()))
    return bool(np.gcd.reduce(np.diff(levels)) >= _STEP_OF_8_BITS)
