"""Fluxes and shapes of galaxies, measured on the linear pixels of a field."""

from __future__ import annotations

from .bands import band_units, wavelength
from .measure import measure_photometry

__all__ = ["band_units", "measure_photometry", "wavelength"]
