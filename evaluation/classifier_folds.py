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
    """Metrics of one classifier on one set of images other than the crops of the test folds.

    Attributes
    ----------
    images : str
        Description of the images and their crops.
    classifier : str
        Name of the model, or ``NAME: MEMBER``.
    folds : tuple of ClassifierFigures
        Metrics of each fold that has them.
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
        """Macro F1 of each fold; NaN if unknown."""
        return [float("nan") if fold.macro_f1 is None else fold.macro_f1 for fold in self.folds]

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of each fold, and their mean and standard deviation."""
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
    """Model, or one member of an ensemble, evaluated on every fold.

    Attributes
    ----------
    name : str
        Unique name.
    class_names : tuple of str
        The C classes.
    truth : sequence of ndarray of int64, shape (N_k,)
        True class of the images of each fold.
    probabilities : sequence of ndarray of float32, shape (N_k, C)
        Probabilities predicted by the model of each fold for its held-out images.
    """

    name: str
    class_names: tuple[str, ...]
    truth: Sequence[NDArray[np.int64]]
    probabilities: Sequence[NDArray[np.float32]]

    @cached_property
    def folds(self) -> list[ClassificationMetrics]:
        """Metrics of each fold."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return [
            evaluate_probabilities(true, predicted, self.class_names)
            for true, predicted in zip(self.truth, self.probabilities, strict=True)
        ]

    @cached_property
    def pooled(self) -> ClassificationMetrics:
        """Metrics of the images of all folds together."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return evaluate_probabilities(
            np.concatenate(self.truth), np.concatenate(self.probabilities), self.class_names
        )

    def values(self, measure: str) -> list[float]:
        """Return a metric for each fold.

        Parameters
        ----------
        measure : str
            Attribute of `ClassificationMetrics`.
        """
        return [getattr(metrics, measure) for metrics in self.folds]

    def correct(self) -> NDArray[np.bool_]:
        """Return whether each image of all folds is classified correctly."""
        parts = zip(self.truth, self.probabilities, strict=True)
        return np.concatenate([given.argmax(axis=1) == true for true, given in parts])

    def to_json(self) -> dict[str, Any]:
        """Return metrics of each fold and pooled, and their mean and standard deviation."""
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
        Unique name of the training.
    bundles : tuple of Bundle
        Classifier of each fold.
    images : tuple of tuple of Path
        Held-out images of each fold.
    classifiers : tuple of ValidatedClassifier
        The model, followed by its members if there are several.
    """

    name: str
    bundles: tuple[Bundle, ...]
    images: tuple[tuple[Path, ...], ...]
    classifiers: tuple[ValidatedClassifier, ...]

    @cached_property
    def external_metrics(self) -> tuple[ExternalMetrics, ...]:
        """Metrics on images other than the crops of the test folds."""
        return external_metrics(self.name, self.bundles)


@dataclass(frozen=True, eq=False)
class ClassifierCrossValidation:
    """Result of a cross-validation of classifiers.

    Attributes
    ----------
    folds : int
    trainings : tuple of ValidatedTraining
    comparisons : tuple of Comparison
        Comparisons of each ensemble with its members, and of all pairs of trainings with the same
        held-out images.
    """

    folds: int
    trainings: tuple[ValidatedTraining, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return tables and comparisons."""
        classifiers = [model for training in self.trainings for model in training.classifiers]
        rows = [
            [title, *(spread(model.values(measure)) for model in classifiers)]
            for measure, title in _MEASURES.items()
        ]
        blocks: list[Block] = [
            f"{self.folds} folds, split by galaxy: every image is classified once, by a classifier "
            "trained without images of its galaxy. Mean ± standard deviation over the folds.",
            Table(["measure", *(model.name for model in classifiers)], rows),
        ]
        if self.comparisons:
            blocks.append(Heading("Significance of differences"))
            blocks += [comparison.sentence for comparison in self.comparisons]
        external = [m for training in self.trainings for m in training.external_metrics]
        if external:
            blocks += [
                Heading("External metrics"),
                "The same classifiers on cutouts of the held-out fold, cropped as in galpipe "
                "classify, on the held-out images of sources of role extra, and on sources of role "
                "test; the latter two are the same images in every fold.",
                external_metrics_table(external, self.folds),
            ]
        wholes = [training.classifiers[0] for training in self.trainings]
        tested = {(t.images, t.classifiers[0].class_names) for t in self.trainings}
        if len(wholes) > 1 and len(tested) == 1:
            blocks.append(Heading("Comparison by class, all folds together"))
            blocks.append(class_comparison_table({whole.name: whole.pooled for whole in wholes}))
        for whole in wholes:
            blocks.append(Heading(f"{whole.name} by class, all folds together"))
            blocks.append(class_table(whole.pooled))
        return Report(f"Cross-validation: {', '.join(t.name for t in self.trainings)}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of each fold, their mean and deviation, and the comparisons."""
        return {
            "folds": self.folds,
            "trainings": [
                {
                    "name": training.name,
                    "bundles": [str(bundle.path) for bundle in training.bundles],
                    "training": training.bundles[0].manifest.training,
                    "classifiers": [model.to_json() for model in training.classifiers],
                    "external_metrics": [m.to_json() for m in training.external_metrics],
                }
                for training in self.trainings
            ],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }


def external_metrics(name: str, bundles: Sequence[Bundle]) -> tuple[ExternalMetrics, ...]:
    """Collect the metrics on images other than the crops of the test folds.

    Parameters
    ----------
    name : str
        Name of the training.
    bundles : sequence of Bundle
        Classifier of each fold.

    Raises
    ------
    BundleError
        If the metrics of a bundle cannot be read.
    """
    found: dict[tuple[str, str], list[ClassifierFigures]] = {}
    for bundle in bundles:
        records = read_classifier_records(bundle)
        # The test images of the folds, cropped as they are measured here; see `measure`.
        tests = [record.images.crops for record in records if record.images.part == "test"]
        measured = "boxes" if "boxes" in tests else "cutouts"
        for record in records:
            if (record.images.part, record.images.crops) == ("test", measured):
                continue
            for classifier, figures in _by_name(name, record.metrics).items():
                found.setdefault((record.images.title, classifier), []).append(figures)
    return tuple(
        ExternalMetrics(images, classifier, tuple(folds))
        for (images, classifier), folds in found.items()
    )


def external_metrics_table(metrics: Sequence[ExternalMetrics], folds: int) -> Table:
    """Return a table of means over the folds, one row per set of images and classifier.

    Parameters
    ----------
    metrics : sequence of ExternalMetrics
    folds : int
        Number of folds of the cross-validation.
    """
    rows = [
        [m.images, m.classifier, _count(m, folds), spread(m.accuracy), spread(m.macro_f1)]
        for m in metrics
    ]
    return Table(["images", "classifier", "number", "accuracy", "macro F1"], rows)


def _by_name(name: str, metrics: dict[str, ClassifierFigures]) -> dict[str, ClassifierFigures]:
    """Return the metrics of the model, followed by those of its members if there are several."""
    if len(metrics) == 1:
        return {name: next(iter(metrics.values()))}
    ordered = sorted(metrics, key=lambda key: key != ENSEMBLE)
    return {name if key == ENSEMBLE else f"{name}: {key}": metrics[key] for key in ordered}


def _count(metrics: ExternalMetrics, folds: int) -> str:
    counts = sorted({fold.images for fold in metrics.folds})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    missing = len(metrics.folds) < folds
    return f"{text} ({len(metrics.folds)} of {folds} folds)" if missing else text
