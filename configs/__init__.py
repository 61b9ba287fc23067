"""Typed configuration: the schema of every configuration file, and the presets."""

from .architectures import ARCHITECTURES, Architecture
from .class_map import ClassChanges, ClassMap
from .classifier_training import (
    BALANCES,
    AffineAugmentation,
    Augmentation,
    Balance,
    ClassifierData,
    ClassifierTraining,
    SurveyAugmentation,
    VoteTreeName,
)
from .detector_training import Anchors, DetectorData, DetectorTraining
from .load import dump_config, load_config, preset, presets
from .members import (
    BACKBONE_PARTS,
    BackboneMember,
    ClassifierMember,
    CnnDesign,
    CnnMember,
    EfficientNetLite0Member,
    FineTunedMember,
    GalaxyZooCnnMember,
    InputScaling,
    KerasFileMember,
    NetworkDescription,
    PcaLogisticMember,
    SimpleCnnMember,
    TrainedMember,
    Vgg16Member,
)
from .paths import check_paths
from .run_config import ClassifierStage, DetectorStage, RunConfig
from .section import Split
from .tuning import (
    CNN_SEARCH,
    FEED_FORWARD_SEARCH,
    ClassifierTuning,
    SearchedMember,
    SearchSpace,
)

__all__ = [
    "ARCHITECTURES",
    "BACKBONE_PARTS",
    "BALANCES",
    "CNN_SEARCH",
    "FEED_FORWARD_SEARCH",
    "AffineAugmentation",
    "Anchors",
    "Architecture",
    "Augmentation",
    "BackboneMember",
    "Balance",
    "ClassChanges",
    "ClassMap",
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
    "EfficientNetLite0Member",
    "FineTunedMember",
    "GalaxyZooCnnMember",
    "InputScaling",
    "KerasFileMember",
    "NetworkDescription",
    "PcaLogisticMember",
    "RunConfig",
    "SearchSpace",
    "SearchedMember",
    "SimpleCnnMember",
    "Split",
    "SurveyAugmentation",
    "TrainedMember",
    "Vgg16Member",
    "VoteTreeName",
    "check_paths",
    "dump_config",
    "load_config",
    "preset",
    "presets",
]
