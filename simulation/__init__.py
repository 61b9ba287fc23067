"""Simulated fields and cutouts with known truth: drawn, or galaxies pasted onto real frames."""

from __future__ import annotations

from .galaxy import GalaxyStamp, draw_galaxy
from .simulate import simulate_field
from .stars import Star
from .truth import SimulatedField, TrueGalaxy, truth_table
from .write import simulate, write_field
from .write_cutouts import CutoutSettings, draw_cutout, simulate_cutouts
from .write_frames import AnnotatedFolder, FrameSettings, held_out_names, simulate_frames

__all__ = [
    "AnnotatedFolder",
    "CutoutSettings",
    "FrameSettings",
    "GalaxyStamp",
    "SimulatedField",
    "Star",
    "TrueGalaxy",
    "draw_cutout",
    "draw_galaxy",
    "held_out_names",
    "simulate",
    "simulate_cutouts",
    "simulate_field",
    "simulate_frames",
    "truth_table",
    "write_field",
]
