"""Results of cross-validated classifiers: metrics of each fold, pooled, and on external images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..files.report import Block, Heading, Report, Table
from ..metrics.records import ENSEMBLE, ClassifierFigures, read_classifier_records
from ..models import Bundle
from .classifier_report import class_comparison_table, class_table
from .folds import spread, summarize
from .significance import Comparison

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics

__all__ = [
    "ClassifierCrossValidation",
    "ExternalMetrics",
    "ValidatedClassifier",
    "ValidatedTraining",
    "external_metrics",
    "external_metrics_table",
]

_MEASURES = {
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "top2_accuracy": "true class among the two most probable",
    "calibration_error": "calibration error",
}


@dataclass(frozen=True)
class ExternalMetrics:
    """Metrics of one classifier on one set of images, other than the crops of the test fold.

    Attributes
    ----------
    images : str
        Description of the images and their crops.
    classifier : str
        Name of the model, or ``NAME: MEMBER``.
    folds : tuple of ClassifierFigures
        Of the folds that have them.
    """

    images: str
    classifier: str
    folds: tuple[ClassifierFigures, ...]

    @property
    def accuracy(self) -> list[float]:
        """Accuracy of each fold."""
        return [fold.accuracy for fold in self.folds]

    @property
    def macro_f1(self) -> list[float]:
        """Macro F1 of each fold; NaN where it has none."""
        return [float("nan") if fold.macro_f1 is None else fold.macro_f1 for fold in self.folds]

    def to_json(self) -> dict[str, Any]:
        """Return mean and deviation of each metric, and the metrics of each fold."""
        return {
            "images": self.images,
            "classifier": self.classifier,
            "summary": {
                "accuracy": summarize(self.accuracy),
                "macro_f1": summarize(self.macro_f1),
            },
            "folds": [fold.model_dump() for fold in self.folds],
        }


@dataclass(frozen=True, eq=False)
class ValidatedClassifier:
    """Model, or one member of an ensemble, measured on every fold.

    Attributes
    ----------
    name : str
        Name, different from that of every other one.
    class_names : tuple of str
        The C classes.
    truth : sequence of ndarray of int64, shape (N_k,)
        True class of the images of each fold.
    probabilities : sequence of ndarray of float32, shape (N_k, C)
        Probabilities from the model of each fold for its held-out images.
    """

    name: str
    class_names: tuple[str, ...]
    truth: Sequence[NDArray[np.int64]]
    probabilities: Sequence[NDArray[np.float32]]

    @cached_property
    def folds(self) -> list[ClassificationMetrics]:
        """The metrics of each fold."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return [
            evaluate_probabilities(true, given, self.class_names)
            for true, given in zip(self.truth, self.probabilities, strict=True)
        ]

    @cached_property
    def pooled(self) -> ClassificationMetrics:
        """The metrics of all images together, each classified once."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return evaluate_probabilities(
            np.concatenate(self.truth), np.concatenate(self.probabilities), self.class_names
        )

    def values(self, measure: str) -> list[float]:
        """Return a metric of every fold.

        Parameters
        ----------
        measure : str
            Attribute of `ClassificationMetrics`.
        """
        return [getattr(metrics, measure) for metrics in self.folds]

    def right(self) -> NDArray[np.bool_]:
        """Return whether the class is predicted correctly, for the images of all folds."""
        parts = zip(self.truth, self.probabilities, strict=True)
        return np.concatenate([given.argmax(axis=1) == true for true, given in parts])

    def to_json(self) -> dict[str, Any]:
        """Return mean and deviation of each metric, and the metrics of each fold and pooled."""
        return {
            "name": self.name,
            "summary": {measure: summarize(self.values(measure)) for measure in _MEASURES},
            "folds": [metrics.to_json() for metrics in self.folds],
            "pooled": self.pooled.to_json(),
        }


@dataclass(frozen=True, eq=False)
class ValidatedTraining:
    """Classifiers of one training, one for each fold.

    Attributes
    ----------
    name : str
        Name of the training, different from that of every other one.
    bundles : tuple of Bundle
        The classifier of each fold.
    images : tuple of tuple of Path
        Images that each fold was measured on.
    classifiers : tuple of ValidatedClassifier
        The model as it is used, then its members if it has several.
    """

    name: str
    bundles: tuple[Bundle, ...]
    images: tuple[tuple[Path, ...], ...]
    classifiers: tuple[ValidatedClassifier, ...]

    @cached_property
    def external_metrics(self) -> tuple[ExternalMetrics, ...]:
        """The metrics on other images than the crops of the test folds."""
        return external_metrics(self.name, self.bundles)


@dataclass(frozen=True, eq=False)
class ClassifierCrossValidation:
    """Result of a cross-validation of classifiers.

    Attributes
    ----------
    folds : int
    trainings : tuple of ValidatedTraining
    comparisons : tuple of Comparison
        Of each ensemble with its members, and of every two trainings that held out the same images.
    """

    folds: int
    trainings: tuple[ValidatedTraining, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return tables and comparisons."""
        classifiers = [one for training in self.trainings for one in training.classifiers]
        rows = [
            [title, *(spread(one.values(measure)) for one in classifiers)]
            for measure, title in _MEASURES.items()
        ]
        blocks: list[Block] = [
            f"{self.folds} folds, divided by galaxy: every image is measured on once, by a "
            "classifier that saw no image of its galaxy. Mean ± standard deviation over the folds.",
            Table(["measure", *(one.name for one in classifiers)], rows),
        ]
        if self.comparisons:
            blocks.append(Heading("Is one better?"))
            blocks += [one.sentence for one in self.comparisons]
        external = [one for training in self.trainings for one in training.external_metrics]
        if external:
            blocks += [
                Heading("External metrics"),
                "The same classifiers on whole cutouts of the held-out fold, cropped as galpipe "
                "classify does, on the held-out images of sources of role extra, and on sources of "
                "role test; the latter two are the same images in every fold.",
                external_metrics_table(external, self.folds),
            ]
        wholes = [training.classifiers[0] for training in self.trainings]
        tested = {(one.images, one.classifiers[0].class_names) for one in self.trainings}
        if len(wholes) > 1 and len(tested) == 1:
            blocks.append(Heading("Side by side, each class, all folds together"))
            blocks.append(class_comparison_table({one.name: one.pooled for one in wholes}))
        for whole in wholes:
            blocks.append(Heading(f"{whole.name}, each class, all folds together"))
            blocks.append(class_table(whole.pooled))
        return Report(f"Cross-validation: {', '.join(t.name for t in self.trainings)}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of every fold, their means and deviations, and the comparisons."""
        return {
            "folds": self.folds,
            "trainings": [
                {
                    "name": training.name,
                    "bundles": [str(bundle.path) for bundle in training.bundles],
                    "training": training.bundles[0].manifest.training,
                    "classifiers": [one.to_json() for one in training.classifiers],
                    "external_metrics": [one.to_json() for one in training.external_metrics],
                }
                for training in self.trainings
            ],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }


def external_metrics(name: str, bundles: Sequence[Bundle]) -> tuple[ExternalMetrics, ...]:
    """Gather the metrics on other images than the crops of the test folds.

    Parameters
    ----------
    name : str
        Name of the training.
    bundles : sequence of Bundle
        The classifier of each fold.

    Raises
    ------
    BundleError
        If the record of a bundle cannot be read.
    """
    found: dict[tuple[str, str], list[ClassifierFigures]] = {}
    for bundle in bundles:
        for record in read_classifier_records(bundle):
            if (record.images.part, record.images.crops) == ("test", "boxes"):
                continue
            for classifier, figures in _by_name(name, record.metrics).items():
                found.setdefault((record.images.title, classifier), []).append(figures)
    return tuple(
        ExternalMetrics(images, classifier, tuple(folds))
        for (images, classifier), folds in found.items()
    )


def external_metrics_table(metrics: Sequence[ExternalMetrics], folds: int) -> Table:
    """Return a table of means over the folds, a row for each set of images and classifier.

    Parameters
    ----------
    metrics : sequence of ExternalMetrics
    folds : int
        Number of folds of the cross-validation.
    """
    rows = [
        [one.images, one.classifier, _count(one, folds), spread(one.accuracy), spread(one.macro_f1)]
        for one in metrics
    ]
    return Table(["images", "classifier", "number", "accuracy", "macro F1"], rows)


def _by_name(name: str, metrics: dict[str, ClassifierFigures]) -> dict[str, ClassifierFigures]:
    """Return the figures of the model as it is used, then of its members if it has several."""
    if len(metrics) == 1:
        return {name: next(iter(metrics.values()))}
    ordered = sorted(metrics, key=lambda key: key != ENSEMBLE)
    return {name if key == ENSEMBLE else f"{name}: {key}": metrics[key] for key in ordered}


def _count(metrics: ExternalMetrics, folds: int) -> str:
    counts = sorted({fold.images for fold in metrics.folds})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    missing = len(metrics.folds) < folds
    return f"{text} ({len(metrics.folds)} of {folds} folds)" if missing else text
