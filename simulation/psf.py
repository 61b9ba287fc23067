"""The point spread function of a frame."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .profiles import moffat

__all__ = ["BETA", "FWHM", "blurred", "psf_kernel"]

Image = NDArray[np.float32]

FWHM = 1.3 / 0.396
"""Pixels: the median seeing of SDSS, 1.3 arcseconds in r."""
BETA = 3.0
"""Power of the Moffat wings: between the 4.8 of pure turbulence and the 2.5 of poor optics."""


@lru_cache(maxsize=8)
def psf_kernel(oversampling: int, fwhm: float = FWHM) -> Image:
    """Kernel of total 1, sampled `oversampling` times per pixel, out to four widths."""
    half = int(np.ceil(4 * fwhm)) * oversampling
    line = np.arange(-half, half + 1, dtype=np.float32) / oversampling
    kernel = moffat(np.hypot(*np.meshgrid(line, line)).astype(np.float32), fwhm, BETA)
    kernel /= kernel.sum()
    kernel.setflags(write=False)
    return kernel


def blurred(light: Image, grid: Grid, fwhm: float = FWHM) -> Image:
    """Light as the telescope sees it, shape (samples, samples, 3), in the pixels of the field."""
    seen = cv2.filter2D(
        light, -1, psf_kernel(grid.oversampling, fwhm), borderType=cv2.BORDER_CONSTANT
    )
    return grid.binned(seen)
