"""Measure a classifier and its members on the held-back and the external images of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotatedImage
from ...configs import ClassifierTraining
from ...datasets.targets import BY_SETS, GroundTruth, find_ground_truth
from ...metrics.classifier_metrics import ClassificationMetrics, evaluate_probabilities
from ..classifier import Classifier
from ..crops import read_crops
from .dataset import Cutouts, read_boxes
from .sources import Sources

__all__ = ["ENSEMBLE", "TEST", "VALIDATION", "Measurement", "measure"]

ENSEMBLE = "ensemble"

VALIDATION = "validation, cropped about the box"
"""How the title of the measurement on validation images starts: the training has seen these."""

TEST = "test, cropped about the box"
"""How that on the crops that were held back starts."""


@dataclass(frozen=True)
class Measurement:
    """What was measured on one set of images.

    Attributes
    ----------
    images : str
        Which images, and how they were cropped.
    by_classifier : dict of str to ClassificationMetrics
        Of each member and, where there are several, of the ensemble.
    files : tuple of str
        Names of the images that count: those whose label leaves one class, or all where the labels
        name sets of classes of which no two share a class.
    """

    images: str
    by_classifier: dict[str, ClassificationMetrics]
    files: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, texts, lists and dictionaries."""
        metrics = {name: m.to_json() for name, m in self.by_classifier.items()}
        return {"images": self.images, "metrics": metrics, "files": list(self.files)}


def measure(
    classifier: Classifier, sources: Sources, config: ClassifierTraining
) -> list[Measurement]:
    """Measure on validation, test and external images, read anew and cropped as in use.

    The held-back images are measured twice: cropped about their annotated box, as ``galpipe run``
    crops what it has detected, and as ``galpipe classify`` takes a whole cutout.
    """
    boxes: dict[Path, AnnotatedImage] = {}
    for data in config.data:
        boxes.update(read_boxes(data))
    parts: list[tuple[str, Cutouts, Mapping[Path, AnnotatedImage]]] = [
        (VALIDATION, sources.validation, boxes),
        (TEST, sources.test, boxes),
        ("test, whole cutouts", sources.test, {}),
    ]
    parts += [(f"{name}, whole cutouts", cutouts, {}) for name, cutouts in sources.external.items()]
    measured = []
    for title, cutouts, annotated in parts:
        truth = find_ground_truth(cutouts.labels, classifier.class_names)
        paths = tuple(compress(cutouts.paths, truth.evaluated))
        if paths:
            crops = read_crops(paths, classifier.input_size, config.crop_margin, annotated)
            title += f", {BY_SETS}" if truth.by_sets else ""
            by_classifier = _measure(classifier, crops, truth)
            files = tuple(path.name for path in paths)
            measured.append(Measurement(title, by_classifier, files))
    return measured


def _measure(
    classifier: Classifier, crops: NDArray[np.uint8], truth: GroundTruth
) -> dict[str, ClassificationMetrics]:
    members = classifier.predict_members(crops)
    given = dict(zip(classifier.member_names, members, strict=True))
    if len(given) > 1:
        given[ENSEMBLE] = classifier.combine(members)
    return {
        name: evaluate_probabilities(
            truth.class_ids, truth.probabilities(probabilities), truth.names
        )
        for name, probabilities in given.items()
    }
