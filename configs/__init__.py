"""The typed configuration: one schema, and the presets that ship with the package."""

from .load import claim_folder, dump_config, load_config, preset
from .schema import (
    Anchors,
    ClassifierData,
    ClassifierMember,
    ClassifierStage,
    ClassifierTraining,
    CnnMember,
    DetectorData,
    DetectorStage,
    DetectorTraining,
    FoldSplit,
    RunConfig,
    Split,
    Vgg16Member,
)

__all__ = [
    "Anchors",
    "ClassifierData",
    "ClassifierMember",
    "ClassifierStage",
    "ClassifierTraining",
    "CnnMember",
    "DetectorData",
    "DetectorStage",
    "DetectorTraining",
    "FoldSplit",
    "RunConfig",
    "Split",
    "Vgg16Member",
    "claim_folder",
    "dump_config",
    "load_config",
    "preset",
]
