"""Simulated survey fields with known truth: drawn, or real frames with pasted galaxies."""

from __future__ import annotations

from .galaxy import GalaxyStamp, draw_galaxy
from .simulate import simulate_field
from .stars import Star
from .truth import SimulatedField, TrueGalaxy, truth_table
from .write import simulate, write_field
from .write_frames import AnnotatedFolder, FrameSettings, held_out_names, simulate_frames

__all__ = [
    "AnnotatedFolder",
    "FrameSettings",
    "GalaxyStamp",
    "SimulatedField",
    "Star",
    "TrueGalaxy",
    "draw_galaxy",
    "held_out_names",
    "simulate",
    "simulate_field",
    "simulate_frames",
    "truth_table",
    "write_field",
]
