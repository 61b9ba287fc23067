"""Models that run: bundles of LiteRT networks, and detectors that others exported."""

from .bundle import Bundle, read_bundle, write_bundle
from .identity import ModelIdentity
from .load import find_bundle, shipped_models
from .manifest import DetectorHead, InputScaling, Manifest, Member, ScoreCalibration

__all__ = [
    "Bundle",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "ModelIdentity",
    "ScoreCalibration",
    "find_bundle",
    "read_bundle",
    "shipped_models",
    "write_bundle",
]
