"""Metrics of a classifier: accuracy, precision, recall, F1, AUC, confusion, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..files.report import Table, format_number
from .reliability import ReliabilityBin, calibration_error, reliability_bins

__all__ = [
    "ClassMetrics",
    "ClassificationMetrics",
    "comparison_table",
    "evaluate_probabilities",
]

_TITLES = {
    "top2_accuracy": "true class among the two most probable",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "weighted_f1": "weighted F1",
    "weighted_auc": "weighted AUC",
}
_OF_CLASSES = ("precision", "recall", "f1", "auc")


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class against all others.

    Attributes
    ----------
    name : str
        The class.
    images : int
        Number of images of this class.
    precision : float or None
        Fraction of the images predicted as this class that belong to it; 0 if there are none, None
        if the class has no image either.
    recall : float or None
        Fraction of the images of this class predicted as it; None without images.
    f1 : float or None
        Harmonic mean of precision and recall; None without images.
    auc : float or None
        Area under the ROC curve of its probability; None if all or no images belong to it.
    """

    name: str
    images: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None


@dataclass(frozen=True)
class ClassificationMetrics:
    """Metrics of a classifier on a set of labelled images.

    Attributes
    ----------
    images : int
        Number of images.
    accuracy : float
        Fraction of the images whose most probable class is the true one.
    balanced_accuracy : float
        Macro recall: accuracy with equal weight of each class.
    top2_accuracy : float
        Fraction of the images whose true class is one of the two most probable.
    macro_precision, macro_recall, macro_f1, macro_auc : float
        Means over the classes with images; AUC is one-vs-rest.  NaN if undefined.
    weighted_precision, weighted_recall, weighted_f1, weighted_auc : float
        Means weighted by the number of images; weighted recall equals the accuracy.
    calibration_error : float
        Expected calibration error of the predicted class.
    classes : tuple of ClassMetrics
        All classes, including those without images.
    confusion : tuple of tuple of int
        Rows are the true class, columns the predicted one.
    reliability : tuple of ReliabilityBin
        Images by the probability of their predicted class.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    top2_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    macro_auc: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    weighted_auc: float
    calibration_error: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable values; NaN becomes None."""
        content = asdict(self)
        for field in fields(self):
            value = content[field.name]
            if isinstance(value, float) and np.isnan(value):
                content[field.name] = None
        content["classes"] = list(content["classes"])
        content["confusion"] = [list(row) for row in self.confusion]
        content["reliability"] = list(content["reliability"])
        return content

    def rows(self) -> list[tuple[str, str]]:
        """Return name and value of each overall metric as texts."""
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        return [
            (_TITLES.get(name, name.replace("_", " ")), format_number(value))
            for name, value in figures.items()
            if isinstance(value, float)
        ]

    def class_rows(self) -> list[list[str]]:
        """Return name, images, precision, recall, F1 and AUC of each class as texts."""
        return [
            [c.name, str(c.images), *(format_number(getattr(c, name)) for name in _OF_CLASSES)]
            for c in self.classes
        ]

    def to_markdown(self) -> str:
        """Return the overall metrics, those of each class, and the confusion matrix."""
        numbers = [str(number) for number in range(len(self.classes))]
        rows = [[number, *row] for number, row in zip(numbers, self.class_rows(), strict=True)]
        for title, kind in (
            ("mean over the classes", "macro"),
            ("mean over the images", "weighted"),
        ):
            means = (format_number(getattr(self, f"{kind}_{name}")) for name in _OF_CLASSES)
            rows.append(["", title, str(self.images), *means])
        counts = [
            [number, *map(str, row)] for number, row in zip(numbers, self.confusion, strict=True)
        ]
        parts = (
            f"{self.images} images: accuracy {format_number(self.accuracy)}, "
            f"balanced accuracy {format_number(self.balanced_accuracy)}, "
            f"true class among the two most probable {format_number(self.top2_accuracy)}, "
            f"calibration error {format_number(self.calibration_error)}.",
            Table(["", "class", "images", "precision", "recall", "F1", "AUC"], rows).to_markdown(),
            Table(["true \\ predicted", *numbers], counts).to_markdown(),
        )
        return "\n\n".join(parts) + "\n"


def evaluate_probabilities(
    truth: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> ClassificationMetrics:
    """Evaluate predicted probabilities against the true classes.

    Parameters
    ----------
    truth : array of int, shape (N,)
        True class of each image, N at least 1.
    probabilities : array of float, shape (N, C)
        Probability of each class.
    class_names : sequence of str
        The C names.

    Raises
    ------
    ValueError
        If the shapes do not fit or a class index is out of range.
    """
    from sklearn.metrics import confusion_matrix

    true = np.asarray(truth, dtype=np.int64)
    given = np.asarray(probabilities, dtype=np.float64)
    count = len(class_names)
    if true.ndim != 1 or not len(true) or given.shape != (len(true), count):
        raise ValueError(
            f"{true.shape} true classes and probabilities {given.shape} do not fit {count} classes"
        )
    if true.min() < 0 or true.max() >= count:
        raise ValueError(f"true classes lie in {true.min()}..{true.max()}, not 0..{count - 1}")
    chosen = given.argmax(axis=1)
    classes = _measure_classes(true, given, chosen, class_names)
    likeliest = np.argsort(-given, axis=1, kind="stable")[:, :2]
    bins = reliability_bins(given.max(axis=1), chosen == true)
    means = {
        f"{kind}_{name}": _mean(classes, name, by_images=kind == "weighted")
        for kind in ("macro", "weighted")
        for name in _OF_CLASSES
    }
    return ClassificationMetrics(
        images=len(true),
        accuracy=float((chosen == true).mean()),
        balanced_accuracy=means["macro_recall"],
        top2_accuracy=float((likeliest == true[:, None]).any(axis=1).mean()),
        **means,
        calibration_error=calibration_error(bins),
        classes=classes,
        confusion=tuple(
            tuple(int(n) for n in row)
            for row in confusion_matrix(true, chosen, labels=np.arange(count))
        ),
        reliability=bins,
    )


def comparison_table(results: Mapping[str, Mapping[str, ClassificationMetrics]]) -> Table:
    """Compare classifiers: for each set of images, a row for each classifier.

    Parameters
    ----------
    results : mapping
        By name of the set, then by name of the classifier.
    """
    rows = [
        [
            images,
            name,
            str(m.images),
            *map(format_number, (m.accuracy, m.macro_precision, m.macro_recall, m.macro_auc)),
        ]
        for images, classifiers in results.items()
        for name, m in classifiers.items()
    ]
    header = ["images", "classifier", "n", "accuracy"]
    return Table([*header, "macro precision", "macro recall", "macro AUC"], rows)


def _measure_classes(
    true: NDArray[np.int64],
    given: NDArray[np.float64],
    chosen: NDArray[np.int64],
    class_names: Sequence[str],
) -> tuple[ClassMetrics, ...]:
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    indices = np.arange(len(class_names))
    measured = precision_recall_fscore_support(true, chosen, labels=indices, zero_division=0)
    classes = []
    for index, name in enumerate(class_names):
        precision, recall, f1 = (float(values[index]) for values in measured[:3])
        member = true == index
        images, named = int(member.sum()), bool((chosen == index).any())
        classes.append(
            ClassMetrics(
                name=name,
                images=images,
                precision=precision if images or named else None,
                recall=recall if images else None,
                f1=f1 if images else None,
                auc=float(roc_auc_score(member, given[:, index]))
                if 0 < images < len(true)
                else None,
            )
        )
    return tuple(classes)


def _mean(classes: Sequence[ClassMetrics], name: str, *, by_images: bool) -> float:
    """Return the mean over the classes with images and a defined metric."""
    known = [(getattr(c, name), c.images) for c in classes if c.images]
    known = [(value, images) for value, images in known if value is not None]
    if not known:
        return float("nan")
    values, images = np.transpose(known)
    return float(np.average(values, weights=images if by_images else None))
