"""Recognise pictures whose values are proportional to flux, and negatives, by their histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_almost_black", "is_linear", "is_negative"]

_SIDE = 1024
"""Side of the middle part of a large picture whose sky is measured."""
_SAMPLED_SIDE = 512

# A picture made for display uses the range of its file, and shows the noise of the sky with a step
# or more of 255.  Of 1,500 pictures of Galaxy Zoo, SDSS and the Legacy Surveys none has a brightest
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
    import sep

    if _is_widened(pixels, full):
        return False
    grey, missing = _middle(pixels, bad, full)
    good = grey[~missing]
    darkest, sky, brightest = (float(value) for value in np.percentile(good, (0, 50, 100)))
    if brightest < _UNUSED_RANGE or is_almost_black(pixels, bad, full):
        return True
    mesh = min(_MESH, max(grey.shape) // 8 + 1)
    level = sep.Background(grey, mask=missing, bw=mesh, bh=mesh).back()
    above = (grey - level)[~missing]
    noise = 1.4826 * float(np.median(np.abs(above)))
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


def is_almost_black(pixels: NDArray[Any], bad: NDArray[np.bool_], full: float) -> bool:
    """Return whether 99 % of the pixels are darker than 4 of 255 levels.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        The picture.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    full : float
        Value of white.
    """
    return bool(np.percentile(_sample(pixels, bad, full), 99) < _BLACK)


def is_negative(pixels: NDArray[Any], bad: NDArray[np.bool_], full: float) -> bool:
    """Return whether a picture shows dark objects on a bright sky.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        The picture.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    full : float
        Value of white.
    """
    darkest, sky, brightest = np.percentile(_sample(pixels, bad, full), (0.1, 50, 99.9))
    return bool(sky > _BRIGHT_SKY and sky - darkest > _DARKER * (brightest - sky))


def _sample(pixels: NDArray[Any], bad: NDArray[np.bool_], full: float) -> NDArray[np.float32]:
    """Return the mean of the channels of pixels on a grid, white being 1."""
    step = 1 + max(bad.shape) // _SAMPLED_SIDE
    if bad[::step, ::step].all():
        step = 1
    good = pixels[::step, ::step][~bad[::step, ::step]]
    return np.asarray(good.mean(axis=1, dtype=np.float32) / full, dtype=np.float32)


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
    grey = pixels[rows, columns].mean(axis=2, dtype=np.float32) / np.float32(full)
    return np.ascontiguousarray(grey), missing


def _is_widened(pixels: NDArray[Any], full: float) -> bool:
    """Return whether a picture of 8 bits was saved with more."""
    shares = np.clip(pixels[:_SIDE, :_SIDE] * np.float32(_LEVELS / full), 0, _LEVELS)
    levels = np.flatnonzero(np.bincount(np.rint(shares).astype(np.int32).ravel()))
    return bool(np.gcd.reduce(np.diff(levels)) >= _STEP_OF_8_BITS)
