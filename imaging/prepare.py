"""Prepare a field for the search: sky, PSF, cosmic rays, quality, stretch and sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .cosmic_rays import mask_cosmic_rays
from .field import MIN_SIDE, Field
from .local_background import Background, estimate_background, noise_scaled
from .picture_sky import even_sky
from .psf import PSF, measure_psf
from .quality import FieldQuality, measure_quality
from .saturation import saturated_pixels
from .stretch import Stretch, to_rgb

__all__ = ["UNEVEN_SKY", "PreparedField", "broad_stars", "prepare_field", "sampling_of"]

# A field is searched at its own sampling up to this multiple of the widest stars that the detector
# knows: at a lower sampling small galaxies are lost, and boxes on stars are recognised by the PSF.
_BROADEST = 2.25
_DOUBTFUL = 1.5  # the same, from which the user is told
_LEAST_WEIGHT = 0.5  # share of a pixel of lower sampling with valid data

UNEVEN_SKY = (
    "its sky is bright or uneven, as with glare or stray light: that light was subtracted for the "
    "search; faint galaxies in it may be missing"
)
"""Note on a picture whose glare was subtracted."""


@dataclass(frozen=True, eq=False)
class PreparedField:
    """A field ready to be searched, with all that was measured on it.

    Attributes
    ----------
    field : Field
        The field, cosmic rays marked as bad pixels.
    background : Background or None
        Sky level and noise; None for a finished picture.
    psf : PSF or None
        Point spread function; None if unknown.
    quality : FieldQuality
        Quality of the field.
    rgb : ndarray of uint8, shape (H, W, 3)
        The stretched field, from which crops are cut.
    searched : ndarray of uint8, shape (h, w, 3)
        The stretched field at the sampling that the detector knows; a finished picture without
        its glare.
    sampling : float
        Pixels of `searched` per pixel of the field.
    cosmic_rays, saturated : ndarray of bool, shape (H, W)
        Pixels hit by cosmic rays, which are bad in `field`, and saturated pixels.
    """

    field: Field
    background: Background | None
    psf: PSF | None
    quality: FieldQuality
    rgb: NDArray[np.uint8]
    searched: NDArray[np.uint8]
    sampling: float
    cosmic_rays: NDArray[np.bool_]
    saturated: NDArray[np.bool_]

    @property
    def evened(self) -> bool:
        """True if the sky of a finished picture was subtracted for the search."""
        return not self.field.linear and self.searched is not self.rgb


def prepare_field(
    field: Field, stretch: Stretch, psf_range: tuple[float, float] | None = None
) -> PreparedField:
    """Prepare a field for the search.

    Parameters
    ----------
    field : Field
        The field as read.
    stretch : Stretch
        Stretch of the models.
    psf_range : (float, float), optional
        Smallest and largest FWHM of stars that the detector knows, pixels; a field of far
        broader stars is searched at a lower sampling.  By default all are searched as they are.

    Returns
    -------
    PreparedField
    """
    background = image = psf = None
    hits = saturated = np.zeros_like(field.bad)
    if field.linear:
        background = estimate_background(field)
        image = noise_scaled(field, background)
        saturated = saturated_pixels(field)
        psf = measure_psf(image, field.bad | saturated)
        field, hits = mask_cosmic_rays(field, background, psf, saturated)
        image[hits] = 0
    sampling = sampling_of(field, psf, psf_range)
    quality = measure_quality(field, image, psf, saturated)
    notes = broad_stars(psf, psf_range, sampling)
    quality = replace(quality, notes=(*quality.notes, *notes))
    rgb = to_rgb(field, stretch, background)
    if not field.linear:
        searched = even_sky(rgb)
        if searched is not rgb:
            quality = replace(quality, notes=(*quality.notes, UNEVEN_SKY))
    elif sampling == 1:
        searched = rgb
    else:
        searched = to_rgb(_reduced(field, sampling), stretch)
    return PreparedField(field, background, psf, quality, rgb, searched, sampling, hits, saturated)


def sampling_of(field: Field, psf: PSF | None, psf_range: tuple[float, float] | None) -> float:
    """Return the sampling at which a field is searched, relative to its own.

    Parameters
    ----------
    field, psf, psf_range : Field, PSF or None, tuple of float or None
        As in `prepare_field`, with the width of the stars.
    """
    if psf is None or psf_range is None or psf.fwhm <= _BROADEST * psf_range[1]:
        return 1.0
    sampling = _BROADEST * psf_range[1] / psf.fwhm
    return min(1.0, max(sampling, MIN_SIDE / min(field.width, field.height)))


def broad_stars(
    psf: PSF | None, psf_range: tuple[float, float] | None, sampling: float
) -> tuple[str, ...]:
    """Return a note on a field whose stars are far broader than those that the detector knows.

    Parameters
    ----------
    psf, psf_range : PSF or None, tuple of float or None
        As in `sampling_of`.
    sampling : float
        Sampling of the search.
    """
    if psf is None or psf_range is None or psf.fwhm <= _DOUBTFUL * psf_range[1]:
        return ()
    searched = "" if sampling == 1 else f"; it was searched at {sampling:.2g} of its sampling"
    return (
        f"its stars are {psf.fwhm:.1f} pixels wide, far more than in the detector's training"
        f"{searched}; boxes on single stars were left out, galaxies hardly wider than a star may "
        "be missing",
    )


def _reduced(field: Field, sampling: float) -> Field:
    """Return the field at a lower sampling: each pixel the mean of those that it covers."""
    size = round(field.width * sampling), round(field.height * sampling)
    valid = (~field.bad).astype(np.float32)
    weight = cv2.resize(valid, size, interpolation=cv2.INTER_AREA)
    planes = []
    for band in range(field.pixels.shape[2]):
        plane = field.pixels[..., band].astype(np.float32) * valid
        mean = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        planes.append(mean / np.maximum(weight, np.float32(_LEAST_WEIGHT)))
    bad = weight < _LEAST_WEIGHT
    pixels = np.stack(planes, axis=2)
    pixels[bad] = 0
    return replace(field, pixels=pixels, bad=bad, wcs=None)
