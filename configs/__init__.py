"""The typed configuration: one schema, and the presets that ship with the package."""

from .architectures import ARCHITECTURES, Architecture
from .augmentation import AffineAugmentation, Augmentation, SurveyAugmentation
from .balance import BALANCES, Balance
from .load import claim_training_folder, dump_config, load_config, preset
from .members import (
    ClassifierMember,
    CnnDesign,
    CnnMember,
    InputScaling,
    KerasFileMember,
    TrainedMember,
    Vgg16Member,
)
from .schema import (
    Anchors,
    ClassifierData,
    ClassifierStage,
    ClassifierTraining,
    DetectorData,
    DetectorStage,
    DetectorTraining,
    RunConfig,
    Split,
)
from .tuning import SEARCHED, ClassifierTuning, design_values, with_values

__all__ = [
    "ARCHITECTURES",
    "BALANCES",
    "SEARCHED",
    "AffineAugmentation",
    "Anchors",
    "Architecture",
    "Augmentation",
    "Balance",
    "ClassifierData",
    "ClassifierMember",
    "ClassifierStage",
    "ClassifierTraining",
    "ClassifierTuning",
    "CnnDesign",
    "CnnMember",
    "DetectorData",
    "DetectorStage",
    "DetectorTraining",
    "InputScaling",
    "KerasFileMember",
    "RunConfig",
    "Split",
    "SurveyAugmentation",
    "TrainedMember",
    "Vgg16Member",
    "claim_training_folder",
    "design_values",
    "dump_config",
    "load_config",
    "preset",
    "with_values",
]
