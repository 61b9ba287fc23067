"""The three bands: fluxes, noise levels and colours, as in an SDSS frame.

Fluxes are nanomaggies: a source of magnitude 22.5 has flux 1.  The band order is that of a `Field`:
i, r, g, shown as red, green, blue.  Sky brightness, exposure and gain are those of the SDSS imaging
camera (Gunn et al. 1998; York et al. 2000), which give the noise per pixel measured on empty sky
of its frames: about 0.05, 0.03 and 0.018 nanomaggies in i, r and g.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BANDS",
    "ELECTRONS",
    "ISOPHOTE",
    "PIXEL_SCALE",
    "READ_NOISE",
    "SATURATION",
    "SKY",
    "SKY_NOISE",
    "ZERO_POINT",
    "flux",
    "magnitude",
    "spectrum",
    "surface_flux",
]

BANDS = ("i", "r", "g")
PIXEL_SCALE = 0.396
"""Arcseconds per pixel."""
ZERO_POINT = 22.5
"""Magnitude of one nanomaggy."""

ELECTRONS: NDArray[np.float64] = np.array([640.0, 860.0, 860.0])
"""Electrons that one nanomaggy leaves in the detector, per band."""
READ_NOISE: NDArray[np.float64] = np.array([6.0, 5.0, 5.0])
"""Electrons."""
SKY: NDArray[np.float64] = 10 ** (0.4 * (ZERO_POINT - np.array([20.05, 20.86, 22.0]))) * (
    PIXEL_SCALE**2
)
"""Flux of the night sky per pixel, nanomaggies, per band."""
SKY_NOISE: NDArray[np.float64] = np.sqrt(SKY * ELECTRONS + READ_NOISE**2) / ELECTRONS
"""Standard deviation of an empty pixel, nanomaggies, per band."""
SATURATION = 250.0
"""Flux at which a pixel is full, nanomaggies: the core of a star of about magnitude 14."""
ISOPHOTE = 1.3 * float(SKY_NOISE[1])
"""Surface brightness (r, nanomaggies per pixel) out to which a galaxy is seen on a frame."""


def flux(magnitude: float) -> float:
    """Flux in nanomaggies of a magnitude."""
    return float(10 ** (0.4 * (ZERO_POINT - magnitude)))


def magnitude(flux: float) -> float:
    """Magnitude of a flux in nanomaggies; infinite for none."""
    return float(ZERO_POINT - 2.5 * np.log10(flux)) if flux > 0 else float("inf")


def surface_flux(brightness: float) -> float:
    """Flux per pixel (nanomaggies) of a surface brightness in magnitudes per square arcsecond."""
    return flux(brightness) * PIXEL_SCALE**2


def spectrum(g_minus_r: float, r_minus_i: float | None = None) -> NDArray[np.float32]:
    """Flux in i, r, g of light of the given colours, where r has flux 1.

    Parameters
    ----------
    g_minus_r : float
        Magnitudes.
    r_minus_i : float, optional
        Magnitudes; by default that of galaxies of this g - r, about ``0.02 + 0.47 (g - r)``
        (a line through the mean colours of nearby galaxies, Fukugita et al. 1995).
    """
    red = 0.02 + 0.47 * g_minus_r if r_minus_i is None else r_minus_i
    return np.array([10 ** (0.4 * red), 1.0, 10 ** (-0.4 * g_minus_r)], dtype=np.float32)
