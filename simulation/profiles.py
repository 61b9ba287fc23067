"""Surface brightness profiles with their total fluxes, and the point spread function.

Sources: Sersic (1963) with the coefficients of Ciotti & Bertin (1999); exponential discs of
Freeman (1970); the edge-on disc of van der Kruit & Searle (1981); Moffat (1969) for the point
spread function.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, k1

from .grid import Grid

__all__ = [
    "BETA",
    "FWHM",
    "blurred",
    "edge_on_disc",
    "edge_on_disc_flux",
    "exponential",
    "exponential_flux",
    "ferrers",
    "moffat",
    "point_source",
    "psf_kernel",
    "sersic",
    "sersic_coefficient",
    "sersic_flux",
    "sersic_radius",
]

Image = NDArray[np.float32]
_Float = TypeVar("_Float", np.float32, np.float64)


def sersic_coefficient(index: float) -> float:
    """Return the coefficient b, for which the effective radius encloses half of the light.

    The expansion of Ciotti & Bertin (1999, A&A 352, 447).

    Parameters
    ----------
    index : float
        Sersic index n.
    """
    return 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)


def sersic(radius: Image, effective_radius: float, index: float) -> Image:
    """Return a Sersic profile, 1 at the effective radius.

    Parameters
    ----------
    radius : ndarray of float32
        Pixels.
    effective_radius : float
        Pixels.
    index : float
        Sersic index n.
    """
    shape = (radius / np.float32(effective_radius)) ** np.float32(1 / index)
    light: Image = np.exp(np.float32(-sersic_coefficient(index)) * (shape - np.float32(1)))
    return light


def sersic_flux(effective_radius: float, index: float, axis_ratio: float = 1.0) -> float:
    """Return the total of `sersic` over the plane.

    Parameters
    ----------
    effective_radius : float
        Semi-major axis, pixels.
    index : float
        Sersic index n.
    axis_ratio : float
        Minor over major axis.
    """
    b = sersic_coefficient(index)
    area = 2 * math.pi * axis_ratio * effective_radius**2
    return float(area * index * math.exp(b) * b ** (-2 * index) * gamma(2 * index))


def sersic_radius(isophote: float, level: float, index: float) -> float:
    """Return the effective radius of the Sersic profile with a given value at a radius.

    Parameters
    ----------
    isophote : float
        Radius at which the profile has the value `level`, pixels.
    level : float
        Brightness there, relative to that at the effective radius.
    index : float
        Sersic index n.
    """
    shape = 1 - math.log(level) / sersic_coefficient(index)
    return float(isophote / max(shape, 0.2) ** index)


def exponential(radius: Image, scale: float) -> Image:
    """Return the profile of an exponential disc, 1 at the centre.

    Parameters
    ----------
    radius : ndarray of float32
        Pixels.
    scale : float
        Scale length, pixels.
    """
    light: Image = np.exp(radius * np.float32(-1 / scale))
    return light


def exponential_flux(scale: float, axis_ratio: float = 1.0) -> float:
    """Return the total of `exponential` over the plane.

    Parameters
    ----------
    scale : float
        Scale length, pixels.
    axis_ratio : float
        Minor over major axis.
    """
    return 2 * math.pi * axis_ratio * scale**2


def edge_on_disc(along: Image, across: Image, scale: float, thickness: float) -> Image:
    """Return the brightness of a disc seen edge-on: sech^2 across its plane, 1 at the centre.

    Parameters
    ----------
    along, across : ndarray
        Distances along and perpendicular to the plane, pixels.
    scale, thickness : float
        Radial scale length and sech^2 scale height, pixels.
    """
    reach = np.maximum(np.abs(along) / np.float32(scale), np.float32(1e-4))
    height = np.minimum(np.abs(across) / np.float32(thickness), np.float32(30))
    return np.asarray(reach * k1(reach) / np.cosh(height) ** 2, np.float32)


def edge_on_disc_flux(scale: float, thickness: float) -> float:
    """Return the total of `edge_on_disc` over the plane.

    Parameters
    ----------
    scale, thickness : float
        Radial scale length and sech^2 scale height, pixels.
    """
    return 2 * math.pi * scale * thickness


def ferrers(radius: Image, exponent: float) -> Image:
    """Return the Ferrers profile of a bar, ``(1 - radius^2)^exponent`` inside radius 1.

    Parameters
    ----------
    radius : ndarray of float32
        In units of the bar's semi-major axis.
    exponent : float
    """
    light: Image = np.clip(1 - radius * radius, 0, None) ** np.float32(exponent)
    return light


def moffat(radius: NDArray[_Float], fwhm: float, beta: float) -> NDArray[_Float]:
    """Return a Moffat profile, 1 at the centre.

    Parameters
    ----------
    radius : ndarray
        Pixels; the profile has its precision.
    fwhm : float
        Full width at half maximum, pixels.
    beta : float
        Exponent of the wings: 4.765 for turbulence alone, 2.5 to 3.5 for real telescopes (Trujillo
        et al. 2001, MNRAS 328, 977).
    """
    return (1 + (radius / _core(fwhm, beta)) ** 2) ** -beta


def point_source(radius: Image, fwhm: float, beta: float) -> Image:
    """Return a Moffat profile of total flux 1.

    Parameters
    ----------
    radius : ndarray of float32
        Pixels.
    fwhm : float
        Full width at half maximum, pixels.
    beta : float
        Exponent of the wings, see `moffat`.
    """
    peak = (beta - 1) / (math.pi * _core(fwhm, beta) ** 2)
    return np.float32(peak) * moffat(radius, fwhm, beta)


def _core(fwhm: float, beta: float) -> float:
    return fwhm / (2 * math.sqrt(2 ** (1 / beta) - 1))


FWHM = 1.3 / 0.396
"""Full width at half maximum in pixels: the median seeing of SDSS, 1.3 arcsec in r."""
BETA = 3.0
"""Exponent of the wings of the point spread function, see `moffat`."""


@lru_cache(maxsize=8)
def psf_kernel(oversampling: int, fwhm: float = FWHM) -> Image:
    """Return the point spread function as a kernel of total 1, out to four times its width.

    Parameters
    ----------
    oversampling : int
        Samples per pixel along each axis.
    fwhm : float
        Full width at half maximum, pixels.
    """
    half = int(np.ceil(4 * fwhm)) * oversampling
    line = np.arange(-half, half + 1, dtype=np.float32) / oversampling
    kernel = point_source(np.hypot(*np.meshgrid(line, line)).astype(np.float32), fwhm, BETA)
    kernel /= kernel.sum()
    kernel.setflags(write=False)
    return kernel


def blurred(light: Image, grid: Grid, fwhm: float = FWHM) -> Image:
    """Convolve light with the point spread function and average it over the pixels of the field.

    Parameters
    ----------
    light : ndarray of float32, shape (samples, samples, 3)
    grid : Grid
        Sampling grid of the light.
    fwhm : float
        Full width at half maximum, pixels.

    Returns
    -------
    ndarray of float32, shape (size, size, 3)
    """
    kernel = psf_kernel(grid.oversampling, fwhm)
    seen = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return grid.binned(np.asarray(seen, np.float32))
