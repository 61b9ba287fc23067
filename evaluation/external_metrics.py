"""What the classifiers of folds reach elsewhere than on the crops that were held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..files.report import Table
from ..metrics.records import ENSEMBLE, ClassifierFigures, read_classifier_records
from ..models import Bundle
from .folds import spread, summary

__all__ = ["AlsoMeasured", "also_measured", "also_measured_table"]


@dataclass(frozen=True)
class AlsoMeasured:
    """What one classifier reached on one set of images.

    Attributes
    ----------
    images : str
        Which images, and how they were cropped.
    classifier : str
        Name of the model, or ``NAME: MEMBER``.
    folds : tuple of ClassifierFigures
        Of the folds that measured it.
    """

    images: str
    classifier: str
    folds: tuple[ClassifierFigures, ...]

    @property
    def accuracy(self) -> list[float]:
        """The accuracy of each fold."""
        return [fold.accuracy for fold in self.folds]

    @property
    def macro_f1(self) -> list[float]:
        """The macro F1 of each fold; NaN where there is none."""
        return [float("nan") if fold.macro_f1 is None else fold.macro_f1 for fold in self.folds]

    def to_json(self) -> dict[str, Any]:
        """Return mean and deviation of each measure, and those of each fold."""
        return {
            "images": self.images,
            "classifier": self.classifier,
            "summary": {
                "accuracy": summary(self.accuracy),
                "macro_f1": summary(self.macro_f1),
            },
            "folds": [fold.model_dump() for fold in self.folds],
        }


def also_measured(name: str, bundles: Sequence[Bundle]) -> tuple[AlsoMeasured, ...]:
    """Return what the trainings of folds measured beside the crops that they held back.

    Parameters
    ----------
    name : str
        The training.
    bundles : sequence of Bundle
        The classifier of each fold.

    Raises
    ------
    BundleError
        If the record of a bundle cannot be read.
    """
    found: dict[tuple[str, str], list[ClassifierFigures]] = {}
    for bundle in bundles:
        for measured in read_classifier_records(bundle):
            if (measured.images.part, measured.images.crops) == ("test", "boxes"):
                continue
            for classifier, figures in _by_name(name, measured.metrics).items():
                found.setdefault((measured.images.title, classifier), []).append(figures)
    return tuple(
        AlsoMeasured(images, classifier, tuple(folds))
        for (images, classifier), folds in found.items()
    )


def also_measured_table(measured: Sequence[AlsoMeasured], folds: int) -> Table:
    """Return a row for each set of images and classifier, means over the folds."""
    rows = [
        [one.images, one.classifier, _count(one, folds), spread(one.accuracy), spread(one.macro_f1)]
        for one in measured
    ]
    return Table(["images", "classifier", "number", "accuracy", "macro F1"], rows)


def _by_name(name: str, metrics: dict[str, ClassifierFigures]) -> dict[str, ClassifierFigures]:
    """Return the figures of the model as it is used, then of its members if it has several."""
    if len(metrics) == 1:
        return {name: next(iter(metrics.values()))}
    ordered = sorted(metrics, key=lambda key: key != ENSEMBLE)
    return {name if key == ENSEMBLE else f"{name}: {key}": metrics[key] for key in ordered}


def _count(measured: AlsoMeasured, folds: int) -> str:
    counts = sorted({fold.images for fold in measured.folds})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    missing = len(measured.folds) < folds
    return f"{text} ({len(measured.folds)} of {folds} folds)" if missing else text
