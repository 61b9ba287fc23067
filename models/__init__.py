"""Model bundles: manifest, verified files, LiteRT networks."""

from .bundle import Bundle, ModelLike, find_bundle, read_bundle, shipped_models, write_bundle
from .manifest import (
    DEFAULT_CROP_MARGIN,
    DetectorHead,
    InputScaling,
    Manifest,
    Member,
    ModelIdentity,
    ScoreCalibration,
)

__all__ = [
    "DEFAULT_CROP_MARGIN",
    "Bundle",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "ModelIdentity",
    "ModelLike",
    "ScoreCalibration",
    "find_bundle",
    "read_bundle",
    "shipped_models",
    "write_bundle",
]
