"""Simulated survey fields with known truth: galaxies of ten classes, stars, sky and noise."""

from __future__ import annotations

from .galaxy import GalaxyStamp, draw_galaxy
from .simulate import simulate_field
from .stars import Star
from .truth import SimulatedField, TrueGalaxy, truth_table
from .write import simulate, write_field

__all__ = [
    "GalaxyStamp",
    "SimulatedField",
    "Star",
    "TrueGalaxy",
    "draw_galaxy",
    "simulate",
    "simulate_field",
    "truth_table",
    "write_field",
]
