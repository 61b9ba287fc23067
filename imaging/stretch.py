"""Stretch the fluxes of a field to an 8-bit colour image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limit

from .background import background as measure_background
from .background import correlation_length
from .field import Field
from .local_background import Background, estimate_background

__all__ = [
    "BandScale",
    "Stretch",
    "apply_curve",
    "free_of_sky",
    "measure_scale",
    "scaled_bands",
    "stretch_kind",
    "to_rgb",
]

Positive = Annotated[float, Limit(gt=0, allow_inf_nan=False)]

_BRIDGE = 6  # pixels, even: width of the widest gap that is filled from its surroundings
_PIXEL = 0.282  # pixels: that of white noise, 1 / sqrt(4 pi)
_MOST = 1.2  # ratio of the noise of the smoothed sky to that expected
_ROWS = 64  # stretched at a time, so that intermediate arrays fit the processor's cache


class Stretch(BaseModel):
    """Settings of the stretch to 8-bit colour.

    Brightness is in units of the noise of the sky, so that the image does not depend on the flux
    unit of the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["auto", "lupton", "asinh", "identity"] = "auto"
    """``auto``: ``lupton`` for three FITS bands, ``asinh`` for one, ``identity`` else."""
    linear: Positive = 50.0
    """Brightness of white without compression; sets the contrast of faint light."""
    softening: Positive = 5.0
    """Q of Lupton et al. (2004): larger values compress bright parts more."""
    black: Annotated[float, Limit(allow_inf_nan=False)] = -0.65
    """Brightness of black relative to the sky."""
    gains: tuple[Positive, Positive, Positive] = (1.35, 0.85, 0.8)
    """Factors on the red, green and blue band after division by their noise."""
    smoothing: Annotated[float, Limit(ge=0, le=10)] = 1.0
    """Correlation length of the noise after smoothing: standard deviation of a Gaussian in pixels.
    Smoother bands are not changed; 0 disables smoothing."""


class BandScale(NamedTuple):
    """Scale of a band, measured on the whole field.

    Attributes
    ----------
    smoothing : float
        Standard deviation of the Gaussian that smooths it, pixels; 0 for none.
    level, noise : float
        Sky of the smoothed band, relative to the sky that was subtracted and to its noise.
    """

    smoothing: float
    level: float
    noise: float


def to_rgb(
    field: Field,
    stretch: Stretch | None = None,
    background: Background | None = None,
    scales: Sequence[BandScale] | None = None,
) -> NDArray[np.uint8]:
    """Stretch a field to an 8-bit colour image.

    Parameters
    ----------
    field : Field
        One or three bands.
    stretch : Stretch, optional
        Settings; by default ``auto``.
    background : Background, optional
        Sky of the field, if known; by default it is estimated.
    scales : sequence of BandScale, optional
        Those of the bands, for a window of a larger field; by default they are measured.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, rows as in the field.  A single band gives a grey image.  Bad pixels have the colour
        of the sky, or of their surroundings where they are no more than six pixels wide.
    """
    settings = stretch or Stretch()
    if stretch_kind(field, settings) == "identity":
        return _identity(field)
    return apply_curve(scaled_bands(field, settings, background, scales), settings)


def scaled_bands(
    field: Field,
    stretch: Stretch | None = None,
    background: Background | None = None,
    scales: Sequence[BandScale] | None = None,
) -> NDArray[Any]:
    """Return the brightnesses of a field to which the curve of a stretch is applied.

    Parameters
    ----------
    field, stretch, background, scales : optional
        As in `to_rgb`.

    Returns
    -------
    ndarray, shape (H, W, 1) or (H, W, 3)
        float32, in units of the noise of the sky and relative to the sky, for `apply_curve`; for
        the kind ``identity`` the levels of the picture, uint8.
    """
    settings = stretch or Stretch()
    kind = stretch_kind(field, settings)
    if kind == "identity":
        return _identity(field)
    sky = background or estimate_background(field)
    bands = _noise_scaled(field, settings, sky, scales, coloured=kind == "lupton")
    if kind == "lupton" or bands.shape[2] == 1:
        return bands
    return np.asarray(bands.mean(axis=2, keepdims=True))


def apply_curve(bands: NDArray[Any], stretch: Stretch) -> NDArray[np.uint8]:
    """Apply the curve of a stretch to brightnesses.

    Parameters
    ----------
    bands : ndarray, shape (H, W, 1) or (H, W, 3)
        Brightnesses, as of `scaled_bands`.
    stretch : Stretch
        Gives black, white and softening.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, rows as in `bands`.
    """
    picture = np.empty((*bands.shape[:2], 3), dtype=np.uint8)
    for start in range(0, len(bands), _ROWS):
        rows = bands[start : start + _ROWS].astype(np.float32, copy=False)
        picture[start : start + _ROWS] = _curve(rows - np.float32(stretch.black), stretch)
    return picture


def stretch_kind(field: Field, stretch: Stretch) -> Literal["lupton", "asinh", "identity"]:
    """Return the kind of a stretch, which ``auto`` leaves to the field.

    Parameters
    ----------
    field : Field
        The field.
    stretch : Stretch
        Settings.
    """
    if stretch.kind != "auto":
        return stretch.kind
    if not field.linear:
        return "identity"
    return "lupton" if field.pixels.shape[2] == 3 else "asinh"


def measure_scale(
    plane: NDArray[np.float32], sources: NDArray[np.bool_], smoothing: float
) -> tuple[NDArray[np.float32], BandScale]:
    """Smooth a band, and measure its scale.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        The band above the sky, in units of its noise.
    sources : ndarray of bool, shape (H, W)
        Pixels at which no sky is measured.
    smoothing : float
        As in `Stretch`.

    Returns
    -------
    smooth : ndarray of float32, shape (H, W)
        The smoothed band.
    scale : BandScale
        Its scale.
    """
    sigma, expected = _smoothing_of(plane, sources, smoothing)
    plane = _smoothed(plane, sigma)
    level, noise = measure_background(plane, sources)
    # The light of a galaxy that leaves no sky is not noise.
    return plane, BandScale(sigma, level, min(noise, _MOST * expected))


def _identity(field: Field) -> NDArray[np.uint8]:
    pixels = field.pixels
    if pixels.dtype == np.uint8:
        grey = pixels
    elif pixels.dtype == np.uint16:
        grey = np.rint(pixels / np.float32(257)).astype(np.uint8)  # 65535 = 257 * 255
    else:
        grey = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    picture = np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey.copy()
    if field.bad.any():
        picture[field.bad] = np.median(picture[~field.bad], axis=0)
    return picture


def _noise_scaled(
    field: Field,
    settings: Stretch,
    sky: Background,
    scales: Sequence[BandScale] | None,
    coloured: bool,
) -> NDArray[np.float32]:
    bands: NDArray[np.float32] = np.empty(field.pixels.shape, dtype=np.float32)
    empty = field.bad
    count = field.pixels.shape[2]
    gains = settings.gains if coloured and count == 3 else (1.0,) * count
    if count == 1:
        # A single band gets the noise of the mean of three.
        gains = (float(np.linalg.norm(settings.gains)) / 3,)
    wide = _opened(empty)
    narrow = empty & ~wide
    for band, gain in enumerate(gains):
        plane = sky.scaled(field, band)
        plane[empty] = 0
        _bridge(plane, narrow, empty)
        if scales is None:
            sources = free_of_sky(~sky.is_sky(band), empty)
            plane, scale = measure_scale(plane, sources, settings.smoothing)
        else:
            scale = scales[band]
            plane = _smoothed(plane, scale.smoothing)
        plane[wide] = scale.level
        bands[..., band] = (plane - np.float32(scale.level)) * np.float32(gain / scale.noise)
    return bands


def _curve(bands: NDArray[np.float32], settings: Stretch) -> NDArray[np.float32]:
    """Return levels 0..255 of brightnesses above black.

    Lupton et al. (2004, PASP 116, 133), eq. 2: one curve for the mean brightness, so that colours
    do not depend on brightness.  Bands are clipped one by one, as in the images of SDSS, so that
    the cores of bright stars become white.
    """
    brightness = np.maximum(bands.mean(axis=2, keepdims=True), np.float32(1e-6))
    levels = np.arcsinh(brightness * np.float32(settings.softening / settings.linear))
    levels *= np.float32(255 / settings.softening) / brightness
    rgb: NDArray[np.float32] = np.clip(np.rint(bands * levels), 0, 255)
    return rgb


def _opened(empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts of a mask that are wider than is bridged."""
    if not empty.any():
        return empty
    kernel = np.ones((_BRIDGE + 1, _BRIDGE + 1), dtype=np.uint8)
    # Beyond the edge of the field there are no pixels either.
    frame = np.pad(empty.astype(np.uint8), _BRIDGE + 1, constant_values=1)
    opened = cv2.morphologyEx(frame, cv2.MORPH_OPEN, kernel)
    inner = slice(_BRIDGE + 1, -_BRIDGE - 1)
    return np.asarray(opened[inner, inner], dtype=bool)


def _bridge(
    plane: NDArray[np.float32], narrow: NDArray[np.bool_], empty: NDArray[np.bool_]
) -> None:
    """Fill narrow gaps from the pixels around, so that no galaxy has a hole or a cut."""
    if narrow.any():
        weights = cv2.GaussianBlur((~empty).astype(np.float32), (0, 0), _BRIDGE / 3)
        sums = cv2.GaussianBlur(plane, (0, 0), _BRIDGE / 3)
        plane[narrow] = sums[narrow] / np.maximum(weights[narrow], np.float32(1e-3))


def free_of_sky(sources: NDArray[np.bool_], empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels at which no sky is measured.

    Parameters
    ----------
    sources : ndarray of bool, shape (H, W)
        Pixels at which the sky was not measured.
    empty : ndarray of bool, shape (H, W)
        Pixels without data; these alone if there is no sky.
    """
    sources = sources | empty
    return empty if sources.all() else sources


def _smoothing_of(
    plane: NDArray[np.float32], ignore: NDArray[np.bool_], smoothing: float
) -> tuple[float, float]:
    """Return how far to smooth a plane of noise 1, and the noise that it then should have.

    A Gaussian of standard deviation s divides the variance of noise of correlation length c by
    ``1 + s**2 / c**2``.
    """
    if not smoothing:
        return 0.0, 1.0
    correlation = correlation_length(plane, 0.0, 1.0, ignore)
    missing = smoothing**2 - correlation**2
    if missing < 0.1:
        return 0.0, 1.0
    variance = correlation**2 + _PIXEL**2
    return float(np.sqrt(missing)), float(np.sqrt(variance / (variance + missing)))


def _smoothed(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if not sigma:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
