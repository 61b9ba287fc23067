"""Metrics of a classifier and its members on the held-out and external images of a training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...configs import ClassifierTraining
from ...datasets.labels import GroundTruth, find_ground_truth
from ...metrics.classifier_metrics import ClassificationMetrics, evaluate_probabilities
from ...metrics.records import ENSEMBLE, EvaluationSet
from ...progress import Progress, silent, track
from ..classifier import Classifier
from ..crops import read_crops
from .dataset import Cutouts
from .sources import Sources

__all__ = ["Measurement", "measure", "measured_parts"]


@dataclass(frozen=True)
class Measurement:
    """Metrics of a classifier and its members on one set of images.

    Attributes
    ----------
    images : EvaluationSet
        The images and their cropping.
    by_classifier : dict of str to ClassificationMetrics
        Metrics of each member and, if there are several, of the ensemble under `ENSEMBLE`.
    files : tuple of str
        Names of the evaluated images: those with a label of one class, or all if the labels are
        disjoint sets of classes.
    """

    images: EvaluationSet
    by_classifier: dict[str, ClassificationMetrics]
    files: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as plain values."""
        metrics = {name: m.to_json() for name, m in self.by_classifier.items()}
        return {
            "images": self.images.title,
            "set": self.images.model_dump(),
            "metrics": metrics,
            "files": list(self.files),
        }


def measure(
    classifier: Classifier,
    sources: Sources,
    config: ClassifierTraining,
    progress: Progress = silent,
) -> list[Measurement]:
    """Evaluate a classifier on validation, test and external images.

    Where there are annotated boxes, the test images are evaluated twice: cropped around these, as
    in ``galpipe run``, and as cutouts, as in ``galpipe classify``.

    Parameters
    ----------
    classifier : Classifier
    sources : Sources
        Images of the training.
    config : ClassifierTraining
    progress : Progress
        Receives the number of sets of images.

    Returns
    -------
    list of Measurement
        One per set of images with labels that can be evaluated.
    """
    boxes = sources.boxes
    measured = []
    for images, cutouts in track(measured_parts(sources), "measurement", progress):
        truth = find_ground_truth(cutouts.labels, classifier.class_names)
        paths = tuple(compress(cutouts.paths, truth.evaluated))
        if paths:
            annotated = boxes if images.crops == "boxes" else {}
            crops = read_crops(paths, classifier.input_size, config.crop_margin, annotated)
            images = images.model_copy(update={"by_sets": truth.by_sets})
            by_classifier = _measure(classifier, crops, truth)
            files = tuple(path.name for path in paths)
            measured.append(Measurement(images, by_classifier, files))
    return measured


def measured_parts(sources: Sources) -> list[tuple[EvaluationSet, Cutouts]]:
    """Return the sets of images on which a training is measured.

    Parameters
    ----------
    sources : Sources
        Images of the training.

    Returns
    -------
    list of (EvaluationSet, Cutouts)
        Validation, test and external images; the test images also by annotated boxes, if any.
    """
    crops: Literal["boxes", "cutouts"] = "boxes" if sources.boxes else "cutouts"
    parts = [
        (EvaluationSet(part="validation", crops=crops), sources.validation),
        (EvaluationSet(part="test", crops="cutouts"), sources.test),
    ]
    if sources.boxes:
        parts.insert(1, (EvaluationSet(part="test", crops="boxes"), sources.test))
    parts += [
        (EvaluationSet(part="external", crops="cutouts", source=name), cutouts)
        for name, cutouts in sources.external.items()
    ]
    return parts


def _measure(
    classifier: Classifier, crops: NDArray[np.uint8], truth: GroundTruth
) -> dict[str, ClassificationMetrics]:
    members = classifier.predict_members(crops)
    # Members are measured as they are, the whole with its calibration.
    probabilities = dict(zip(classifier.member_names, members, strict=True))
    whole = ENSEMBLE if len(probabilities) > 1 else classifier.member_names[0]
    probabilities[whole] = classifier.combine(members)
    return {
        name: evaluate_probabilities(truth.class_ids, truth.probabilities(predicted), truth.names)
        for name, predicted in probabilities.items()
    }
