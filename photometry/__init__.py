"""Fluxes and shapes of galaxies, measured on the linear pixels of a field."""

from __future__ import annotations

from .bands import band_units, parse_zero_points, with_zero_points
from .measure import Photometry, measure_photometry

__all__ = [
    "Photometry",
    "band_units",
    "measure_photometry",
    "parse_zero_points",
    "with_zero_points",
]
