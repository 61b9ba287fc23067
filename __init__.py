"""Find every galaxy in a survey field and classify it.

>>> import galpipe
>>> result = galpipe.run("field.fits", "result")               # doctest: +SKIP
>>> result.catalogue["ra", "dec", "class_name"]                # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .classification.classifier import load_classifier
    from .detection.load import load_detector
    from .evaluation.evaluate_classifiers import evaluate_classifiers
    from .evaluation.evaluate_detectors import evaluate_detectors
    from .evaluation.evaluate_votes import evaluate_votes
    from .imaging.read import read_field
    from .pipeline.export import export_model
    from .pipeline.field_processing import FieldModels, FieldSettings, process_field
    from .pipeline.run import run
    from .pipeline.train import train_classifier, train_detector

__all__ = [
    "FieldModels",
    "FieldSettings",
    "__version__",
    "evaluate_classifiers",
    "evaluate_detectors",
    "evaluate_votes",
    "export_model",
    "load_classifier",
    "load_detector",
    "process_field",
    "read_field",
    "run",
    "train_classifier",
    "train_detector",
]

_HOME = {
    "FieldModels": ".pipeline.field_processing",
    "FieldSettings": ".pipeline.field_processing",
    "evaluate_classifiers": ".evaluation.evaluate_classifiers",
    "evaluate_votes": ".evaluation.evaluate_votes",
    "evaluate_detectors": ".evaluation.evaluate_detectors",
    "export_model": ".pipeline.export",
    "load_classifier": ".classification.classifier",
    "load_detector": ".detection.load",
    "process_field": ".pipeline.field_processing",
    "read_field": ".imaging.read",
    "run": ".pipeline.run",
    "train_classifier": ".pipeline.train",
    "train_detector": ".pipeline.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, to keep ``import galpipe`` fast."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
