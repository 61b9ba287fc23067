"""Scale the pixels of pictures: finished ones to 8 or 16 bits, linear ones to fluxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_picture import is_almost_black, is_linear, is_negative, measure_levels

__all__ = ["PictureScale", "measure_picture_scale", "scaled_pixels"]

# Floating-point pictures may exceed 0 (black) and 1 (white) a little after resampling.
_OVERSHOOT = 0.5
# Contrast that JPEG may add to a picture of one colour, in levels of 255.
_NO_CONTRAST = 2
_NEGATIVE = "it is a negative, with dark objects on a bright sky: it was inverted"


def scaled_pixels(
    planes: NDArray[Any], bad: NDArray[np.bool_]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return finished pixels in uint8 or uint16, linear ones in float32, and notes.

    Parameters
    ----------
    planes : ndarray, shape (H, W, C)
        Pixels as decoded.
    bad : ndarray of bool, shape (H, W)
        Pixels without data; those without a finite value are added.
    """
    narrow = bool(planes.dtype == np.uint16 and planes.max() < 256)
    pixels, kind = _widened(planes, bad, narrow)
    if bad.all():
        return pixels, ()
    values = pixels[~bad] if bad.any() else pixels
    bands = [values[..., band] for band in range(planes.shape[2])]
    darkest = np.array([band.min() for band in bands])
    brightest = np.array([band.max() for band in bands])
    return _scaled(pixels, bad, kind, darkest, brightest)


@dataclass(frozen=True, eq=False)
class PictureScale:
    """Conversion of the pixels of a picture that is read by windows.

    Attributes
    ----------
    narrow : bool
        It has 16 bits, but no value of more than 8.
    white : float or None
        Value of white; None for fluxes.
    inverted, linear : bool
        It is a negative; it is proportional to flux, no finished picture.
    notes : tuple of str
        Notes for the user.
    """

    narrow: bool
    white: float | None
    inverted: bool
    linear: bool
    notes: tuple[str, ...]

    def apply(self, planes: NDArray[Any], bad: NDArray[np.bool_]) -> NDArray[Any]:
        """Return the pixels of a window as `scaled_pixels` does those of a picture.

        Parameters
        ----------
        planes : ndarray, shape (h, w, C)
            Pixels as decoded.
        bad : ndarray of bool, shape (h, w)
            Pixels without data; those without a finite value are added.
        """
        pixels, _ = _widened(planes, bad, self.narrow)
        if self.inverted:
            pixels = np.asarray(self.white - pixels, dtype=pixels.dtype)
        if self.linear or self.white is None:
            return pixels
        return _finished(pixels, self.white)


def measure_picture_scale(
    sample: NDArray[Any],
    bad: NDArray[np.bool_],
    darkest: NDArray[Any],
    brightest: NDArray[Any],
) -> PictureScale:
    """Measure the conversion of the pixels of a picture on a sample.

    Parameters
    ----------
    sample : ndarray, shape (h, w, C)
        Windows of the picture side by side, as decoded.
    bad : ndarray of bool, shape (h, w)
        Pixels without data; those without a finite value are added.
    darkest, brightest : ndarray, shape (C,)
        Extreme values of each channel of the whole picture.
    """
    narrow = bool(sample.dtype == np.uint16 and brightest.max() < 256)
    pixels, kind = _widened(sample, bad, narrow)
    scaled, notes = _scaled(pixels, bad, kind, darkest, brightest)
    white = _white(kind, float(darkest.min()), float(brightest.max()))
    return PictureScale(narrow, white, _NEGATIVE in notes, scaled.dtype.kind == "f", notes)


def _widened(
    planes: NDArray[Any], bad: NDArray[np.bool_], narrow: bool
) -> tuple[NDArray[Any], np.dtype[Any]]:
    """Return pixels in uint8 or float32, and the type that they have or need."""
    kind = np.dtype(np.uint8) if narrow else planes.dtype
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, thus bad
        pixels = planes.astype(kind if kind == np.uint8 else np.float32, copy=False)
    if kind.kind == "f":
        bad |= ~np.isfinite(pixels).all(axis=2)
    return pixels, kind


def _scaled(
    pixels: NDArray[Any],
    bad: NDArray[np.bool_],
    kind: np.dtype[Any],
    darkest: NDArray[Any],
    brightest: NDArray[Any],
) -> tuple[NDArray[Any], tuple[str, ...]]:
    white = _white(kind, float(darkest.min()), float(brightest.max()))
    if white is None:
        return pixels, ("taken as fluxes, not as a finished picture, and stretched",)
    if (brightest - darkest).max() <= (_NO_CONTRAST if kind == np.uint8 else 0):
        share = 100 * float(darkest.mean()) / white
        note = f"it has no contrast: all pixels are at {share:.0f} % of white, so it shows nothing"
        return _finished(np.broadcast_to(darkest, pixels.shape).copy(), white), (note,)
    notes: tuple[str, ...] = ()
    levels = measure_levels(pixels, bad, white)
    if is_negative(levels):
        pixels = np.asarray(white - pixels, dtype=pixels.dtype)
        levels = measure_levels(pixels, bad, white)
        notes = (_NEGATIVE,)
    if kind != np.uint8 and is_linear(pixels, bad, white):
        return pixels, (*notes, "taken as linear, not as a finished picture, and stretched")
    if is_almost_black(levels):
        notes += (
            "it is almost black, so faint galaxies do not show; if it is a linear picture, save it "
            "with 16 bits or as FITS",
        )
    return _finished(pixels, white), notes


def _white(kind: np.dtype[Any], lowest: float, highest: float) -> float | None:
    """Return the value of white; None for values that are no convention of graphics programs."""
    if kind.kind == "u":
        return float(np.iinfo(kind).max)
    if kind.kind == "f" and lowest >= -_OVERSHOOT and highest <= 1 + _OVERSHOOT:
        return 1.0
    return None


def _finished(pixels: NDArray[Any], white: float) -> NDArray[Any]:
    if pixels.dtype == np.uint8:
        return pixels
    shares = np.clip(pixels / np.float32(white), 0, 1, dtype=np.float32)
    return np.asarray(np.rint(shares * np.float32(65535)), dtype=np.uint16)
