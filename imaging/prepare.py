"""Prepare a field for the search: sky, PSF, cosmic rays, quality, stretch and sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cosmic_rays import mask_cosmic_rays
from .field import Field
from .local_background import Background, estimate_background
from .psf import PSF, measure_psf
from .quality import FieldQuality, measure_quality
from .stretch import Stretch, to_rgb

__all__ = ["PreparedField", "prepare_field"]


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
        The stretched field at the sampling that the detector knows.
    sampling : float
        Pixels of `searched` per pixel of the field.
    """

    field: Field
    background: Background | None
    psf: PSF | None
    quality: FieldQuality
    rgb: NDArray[np.uint8]
    searched: NDArray[np.uint8]
    sampling: float = 1.0


def prepare_field(field: Field, stretch: Stretch) -> PreparedField:
    """Prepare a field for the search.

    Parameters
    ----------
    field : Field
        The field as read.
    stretch : Stretch
        Stretch of the models.

    Returns
    -------
    PreparedField
    """
    background = psf = None
    if field.linear:
        background = estimate_background(field)
        psf = measure_psf(field, background)
        field = mask_cosmic_rays(field, background, psf)
    quality = measure_quality(field, background, psf)
    rgb = to_rgb(field, stretch, background)
    return PreparedField(field, background, psf, quality, rgb, rgb)
