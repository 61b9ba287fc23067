"""The model bundle: its format, and the LiteRT networks that run from it."""

from .bundle import Bundle, read_bundle, write_bundle
from .classifier import Classifier
from .detector import Detector
from .load import find_bundle, load, load_classifier, load_detector, shipped_models
from .manifest import DetectorHead, InputScaling, Manifest, Member

__all__ = [
    "Bundle",
    "Classifier",
    "Detector",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "find_bundle",
    "load",
    "load_classifier",
    "load_detector",
    "read_bundle",
    "shipped_models",
    "write_bundle",
]
