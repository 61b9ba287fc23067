"""The typed configuration: one schema, and the presets that ship with the package."""

from .load import dump_config, load_config, preset
from .schema import (
    Anchors,
    ClassifierData,
    ClassifierMember,
    ClassifierStage,
    ClassifierTraining,
    DetectorData,
    DetectorStage,
    DetectorTraining,
    RunConfig,
    Split,
)

__all__ = [
    "Anchors",
    "ClassifierData",
    "ClassifierMember",
    "ClassifierStage",
    "ClassifierTraining",
    "DetectorData",
    "DetectorStage",
    "DetectorTraining",
    "RunConfig",
    "Split",
    "dump_config",
    "load_config",
    "preset",
]
