"""The simulated camera: bands, fluxes, sky and noise, as in an SDSS frame.

Fluxes are nanomaggies: a source of magnitude 22.5 has flux 1.  The band order is that of a `Field`:
i, r, g, shown as red, green, blue.  Sky brightness, exposure and gain are those of the SDSS imaging
camera (Gunn et al. 1998; York et al. 2000), which give the noise per pixel measured on empty sky
of its frames: about 0.05, 0.03 and 0.018 nanomaggies in i, r and g.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BANDS",
    "CORRELATION",
    "ELECTRONS",
    "ISOPHOTE",
    "PIXEL_SCALE",
    "READ_NOISE",
    "SATURATION",
    "SKY",
    "SKY_NOISE",
    "ZERO_POINT",
    "correlated",
    "flux",
    "magnitude",
    "observed",
    "smoothed_noise",
    "spectrum",
    "surface_flux",
]

BANDS = ("i", "r", "g")
PIXEL_SCALE = 0.396
"""Arcseconds per pixel."""
ZERO_POINT = 22.5
"""Magnitude of one nanomaggy."""

ELECTRONS: NDArray[np.float64] = np.array([640.0, 860.0, 860.0])
"""Electrons per nanomaggy, per band."""
READ_NOISE: NDArray[np.float64] = np.array([6.0, 5.0, 5.0])
"""Electrons."""
SKY: NDArray[np.float64] = 10 ** (0.4 * (ZERO_POINT - np.array([20.05, 20.86, 22.0]))) * (
    PIXEL_SCALE**2
)
"""Flux of the night sky per pixel, nanomaggies, per band."""
SKY_NOISE: NDArray[np.float64] = np.sqrt(SKY * ELECTRONS + READ_NOISE**2) / ELECTRONS
"""Standard deviation of an empty pixel, nanomaggies, per band."""
SATURATION = 250.0
"""Flux at which a pixel saturates, nanomaggies: the core of a star of magnitude 14."""
ISOPHOTE = 1.3 * float(SKY_NOISE[1])
"""Surface brightness (r, nanomaggies per pixel) down to which galaxies are visible."""


def flux(magnitude: float) -> float:
    """Return the flux in nanomaggies of a magnitude.

    Parameters
    ----------
    magnitude : float
    """
    return float(10 ** (0.4 * (ZERO_POINT - magnitude)))


def magnitude(flux: float) -> float:
    """Return the magnitude of a flux in nanomaggies; infinite for none.

    Parameters
    ----------
    flux : float
    """
    return float(ZERO_POINT - 2.5 * np.log10(flux)) if flux > 0 else float("inf")


def surface_flux(brightness: float) -> float:
    """Return the flux per pixel in nanomaggies of a surface brightness.

    Parameters
    ----------
    brightness : float
        Magnitudes per square arcsecond.
    """
    return flux(brightness) * PIXEL_SCALE**2


def spectrum(g_minus_r: float, r_minus_i: float | None = None) -> NDArray[np.float32]:
    """Return the fluxes in i, r, g of light with given colours, relative to r.

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


Image = NDArray[np.float32]

CORRELATION = 0.25
"""Correlation of the noise of neighbouring pixels, due to resampling to a common grid."""


def observed(light: Image, rng: np.random.Generator) -> Image:
    """Simulate a sky-subtracted exposure.

    Photon noise (normally distributed, as pixels have thousands of electrons) and read noise are
    added and slightly smoothed, and saturated pixels are clipped.

    Parameters
    ----------
    light : ndarray of float32, shape (H, W, 3)
        Nanomaggies in i, r, g, without noise.
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        Nanomaggies.
    """
    frame = np.empty_like(light)
    for band in range(light.shape[2]):
        electrons = np.maximum(light[..., band] + np.float32(SKY[band]), 0) * np.float32(
            ELECTRONS[band]
        )
        spread = np.sqrt(electrons + np.float32(READ_NOISE[band] ** 2))
        noise = rng.standard_normal(spread.shape, dtype=np.float32) * spread
        frame[..., band] = light[..., band] + correlated(noise) / np.float32(ELECTRONS[band])
    return np.minimum(frame, np.float32(SATURATION))


def correlated(noise: Image) -> Image:
    """Return noise whose neighbouring pixels are correlated by `CORRELATION`.

    Parameters
    ----------
    noise : ndarray of float32
        Independent noise, shape (H, W) or (H, W, C); its variance is preserved.
    """
    kernel = _resampling_kernel()
    smooth = cv2.sepFilter2D(noise, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, np.float32)


def smoothed_noise(sigma: float) -> float:
    """Return the noise of a frame smoothed by a Gaussian, relative to that of a pixel.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian, pixels.
    """
    reach = np.arange(-round(6 * sigma), round(6 * sigma) + 1)
    gauss = np.exp(-0.5 * (reach / sigma) ** 2)
    along = np.convolve(gauss / gauss.sum(), _resampling_kernel())
    # Both kernels are separable: the standard deviation along one axis, squared.
    return float((along**2).sum())


def _resampling_kernel() -> NDArray[np.float32]:
    """Return the kernel of the given correlation, normalised to preserve the variance."""
    # A correlation of c at lag 1 needs 2 s / (1 + 2 s^2) = c, where s is the side weight.
    side = (1 - np.sqrt(1 - 2 * CORRELATION**2)) / (2 * CORRELATION)
    kernel = np.array([side, 1, side])
    return np.asarray(kernel / np.sqrt((kernel**2).sum()), np.float32)
