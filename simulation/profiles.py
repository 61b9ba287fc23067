"""Radial laws of light, each with its total, so that a brightness can be turned into a magnitude.

Sources: Sersic (1963) with the coefficients of Ciotti & Bertin (1999); exponential discs of
Freeman (1970); the edge-on disc of van der Kruit & Searle (1981); Moffat (1969) for the point
spread function.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, k1

__all__ = [
    "edge_on_disc",
    "edge_on_disc_flux",
    "exponential",
    "exponential_flux",
    "ferrers",
    "moffat",
    "sersic",
    "sersic_coefficient",
    "sersic_flux",
    "sersic_radius",
]

Image = NDArray[np.float32]


def sersic_coefficient(index: float) -> float:
    """Coefficient b of a Sersic law, so that half of the light is inside the effective radius."""
    return 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)


def sersic(radius: Image, effective_radius: float, index: float) -> Image:
    """Sersic law, 1 at the effective radius."""
    shape = (radius / np.float32(effective_radius)) ** np.float32(1 / index)
    return np.exp(np.float32(-sersic_coefficient(index)) * (shape - np.float32(1)))


def sersic_flux(effective_radius: float, index: float, axis_ratio: float = 1.0) -> float:
    """Total of `sersic` over the plane; lengths in pixels give a flux per pixel of 1 at the edge.

    Parameters
    ----------
    effective_radius : float
        Semi-major axis.
    index : float
        Sersic index n.
    axis_ratio : float
        Minor over major axis.
    """
    b = sersic_coefficient(index)
    area = 2 * math.pi * axis_ratio * effective_radius**2
    return float(area * index * math.exp(b) * b ** (-2 * index) * gamma(2 * index))


def sersic_radius(isophote: float, level: float, index: float) -> float:
    """Effective radius of the Sersic law that falls to a level at a given radius.

    Parameters
    ----------
    isophote : float
        Radius at which the law has the value `level`.
    level : float
        Brightness there in units of the brightness at the effective radius.
    index : float
        Sersic index n.
    """
    shape = 1 - math.log(level) / sersic_coefficient(index)
    return isophote / max(shape, 0.2) ** index


def exponential(radius: Image, scale: float) -> Image:
    """Exponential disc, 1 at the centre."""
    return np.exp(radius * np.float32(-1 / scale))


def exponential_flux(scale: float, axis_ratio: float = 1.0) -> float:
    """Total of `exponential` over the plane."""
    return 2 * math.pi * axis_ratio * scale**2


def edge_on_disc(along: Image, across: Image, scale: float, thickness: float) -> Image:
    """Disc seen from its side: exponential along the plane, sech^2 across it; 1 at the centre.

    Parameters
    ----------
    along, across : ndarray
        Distances along and perpendicular to the plane.
    scale, thickness : float
        Radial scale length and the sech^2 scale height.
    """
    reach = np.maximum(np.abs(along) / np.float32(scale), np.float32(1e-4))
    height = np.minimum(np.abs(across) / np.float32(thickness), np.float32(30))
    return (reach * k1(reach) / np.cosh(height) ** 2).astype(np.float32)


def edge_on_disc_flux(scale: float, thickness: float) -> float:
    """Total of `edge_on_disc` over the plane."""
    return 2 * math.pi * scale * thickness


def ferrers(radius: Image, exponent: float) -> Image:
    """Ferrers law of a bar, ``(1 - radius^2)^exponent`` inside radius 1 and nothing outside."""
    return np.clip(1 - radius * radius, 0, None) ** np.float32(exponent)


def moffat(radius: Image, fwhm: float, beta: float) -> Image:
    """Moffat law of total flux 1 over the plane (per square unit of the radius)."""
    alpha = fwhm / (2 * math.sqrt(2 ** (1 / beta) - 1))
    peak = (beta - 1) / (math.pi * alpha**2)
    return np.float32(peak) * (1 + (radius / np.float32(alpha)) ** 2) ** np.float32(-beta)
