"""Models that run: bundles of LiteRT networks, and detectors that others exported."""

from .bundle import Bundle, read_bundle, write_bundle
from .classifier import Classifier
from .detector import Detector
from .identity import ModelIdentity
from .load import find_bundle, load, load_classifier, shipped_models
from .manifest import DetectorHead, InputScaling, Manifest, Member, ScoreCalibration
from .saved_model import find_saved_model
from .saved_model_detector import SavedModelDetector
from .tflite_detector import TFLiteDetector
from .tile_detector import TileDetector

__all__ = [
    "Bundle",
    "Classifier",
    "Detector",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "ModelIdentity",
    "SavedModelDetector",
    "ScoreCalibration",
    "TFLiteDetector",
    "TileDetector",
    "find_bundle",
    "find_saved_model",
    "load",
    "load_classifier",
    "read_bundle",
    "shipped_models",
    "write_bundle",
]
