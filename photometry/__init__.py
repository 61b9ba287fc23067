"""Fluxes and shapes of galaxies, measured on the linear pixels of a field."""

from __future__ import annotations

from .measure import measure_photometry

__all__ = ["measure_photometry"]
