"""What cross-validated classifiers reach, fold by fold and together, as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..files.report import Block, Heading, Report, Table
from ..models import Bundle
from .classifier_report import classes_side_by_side, classes_table
from .external_metrics import AlsoMeasured, also_measured, also_measured_table
from .folds import spread, summary
from .significance import Comparison

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics

__all__ = ["ClassifierCrossValidation", "ValidatedClassifier", "ValidatedTraining"]

_MEASURES = {
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "top2_accuracy": "true class among the two most probable",
    "calibration_error": "calibration error",
}


@dataclass(frozen=True, eq=False)
class ValidatedClassifier:
    """A model, or one member of an ensemble, measured on every fold.

    Attributes
    ----------
    name : str
        No two are named alike.
    class_names : tuple of str
        The C classes.
    truth : list of ndarray of int, shape (N_k,)
        True class of the images of each fold.
    probabilities : list of ndarray of float, shape (N_k, C)
        Probabilities that the model of each fold gives to the images it has not seen.
    """

    name: str
    class_names: tuple[str, ...]
    truth: Sequence[NDArray[np.int64]]
    probabilities: Sequence[NDArray[np.float32]]

    @cached_property
    def folds(self) -> list[ClassificationMetrics]:
        """What was measured on each fold."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return [
            evaluate_probabilities(true, given, self.class_names)
            for true, given in zip(self.truth, self.probabilities, strict=True)
        ]

    @cached_property
    def pooled(self) -> ClassificationMetrics:
        """What was measured on all images, each classified once."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        return evaluate_probabilities(
            np.concatenate(self.truth), np.concatenate(self.probabilities), self.class_names
        )

    def values(self, measure: str) -> list[float]:
        """Return a measure of every fold."""
        return [getattr(metrics, measure) for metrics in self.folds]

    def right(self) -> NDArray[np.bool_]:
        """Return for the images of all folds whether their class is recognised."""
        parts = zip(self.truth, self.probabilities, strict=True)
        return np.concatenate([given.argmax(axis=1) == true for true, given in parts])

    def to_json(self) -> dict[str, Any]:
        """Return mean and deviation of each measure, those of each fold, and the pooled ones."""
        return {
            "name": self.name,
            "summary": {measure: summary(self.values(measure)) for measure in _MEASURES},
            "folds": [metrics.to_json() for metrics in self.folds],
            "pooled": self.pooled.to_json(),
        }


@dataclass(frozen=True, eq=False)
class ValidatedTraining:
    """One training, done on every fold.

    Attributes
    ----------
    name : str
        No two are named alike.
    bundles : tuple of Bundle
        The classifier of each fold.
    images : tuple of tuple of Path
        The images that each fold was measured on.
    classifiers : tuple of ValidatedClassifier
        The model as it is used, then its members if it has several.
    """

    name: str
    bundles: tuple[Bundle, ...]
    images: tuple[tuple[Path, ...], ...]
    classifiers: tuple[ValidatedClassifier, ...]

    @cached_property
    def also_measured(self) -> tuple[AlsoMeasured, ...]:
        """What the folds measured beside the crops that they held back."""
        return also_measured(self.name, self.bundles)


@dataclass(frozen=True, eq=False)
class ClassifierCrossValidation:
    """What was measured.

    Attributes
    ----------
    folds : int
    trainings : tuple of ValidatedTraining
    comparisons : tuple of Comparison
        Of each ensemble with its members, and of every two trainings that held the same images
        back.
    """

    folds: int
    trainings: tuple[ValidatedTraining, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return the tables and what they allow to say."""
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
        others = [one for training in self.trainings for one in training.also_measured]
        if others:
            blocks.append(Heading("Also measured"))
            blocks.append(
                "The same classifiers on whole cutouts of the fold that was held back, cropped as "
                "galpipe classify does, and on what is held back of sources of role extra and on "
                "those of role test, which are the same images in every fold."
            )
            blocks.append(also_measured_table(others, self.folds))
        wholes = [training.classifiers[0] for training in self.trainings]
        alike = {(one.images, one.classifiers[0].class_names) for one in self.trainings}
        if len(wholes) > 1 and len(alike) == 1:
            blocks.append(Heading("Side by side, each class, all folds together"))
            blocks.append(classes_side_by_side({one.name: one.pooled for one in wholes}))
        for whole in wholes:
            blocks.append(Heading(f"{whole.name}, each class, all folds together"))
            blocks.append(classes_table(whole.pooled))
        return Report(f"Cross-validation: {', '.join(t.name for t in self.trainings)}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the figures of every fold, their means and deviations, and the comparisons."""
        return {
            "folds": self.folds,
            "trainings": [
                {
                    "name": training.name,
                    "bundles": [str(bundle.path) for bundle in training.bundles],
                    "training": training.bundles[0].manifest.training,
                    "classifiers": [one.to_json() for one in training.classifiers],
                    "also_measured": [one.to_json() for one in training.also_measured],
                }
                for training in self.trainings
            ],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }
