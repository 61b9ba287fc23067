"""How good a classifier is: accuracy, macro precision and recall, AUC, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["ClassMetrics", "ClassificationMetrics", "comparison_table", "evaluate_probabilities"]


@dataclass(frozen=True)
class ClassMetrics:
    """Measures of one class against all others.

    Attributes
    ----------
    name : str
        The class.
    images : int
        Images of this class.
    precision : float or None
        Share of the images given to this class that belong to it; 0 where the class was given to
        no image, None where it also has no image.
    recall : float or None
        Share of its images that were recognised; None without images.
    auc : float or None
        Area under the receiver operating curve of its probability; None where all images, or none,
        belong to it.
    """

    name: str
    images: int
    precision: float | None
    recall: float | None
    auc: float | None


@dataclass(frozen=True)
class ClassificationMetrics:
    """Measures of a classifier on a set of labelled images.

    Attributes
    ----------
    images : int
        Number of images.
    accuracy : float
        Share of the images whose most probable class is the true one.
    macro_precision, macro_recall, macro_auc : float
        Means over the classes that have images; AUC is one-vs-rest.  NaN where nothing can be
        averaged.
    classes : tuple of ClassMetrics
        Each class, also those without images.
    confusion : tuple of tuple of int
        Rows are the true class, columns the given one.
    """

    images: int
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_auc: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, texts, lists and dictionaries; a mean of nothing is None."""
        content = asdict(self)
        for key in ("accuracy", "macro_precision", "macro_recall", "macro_auc"):
            if np.isnan(content[key]):
                content[key] = None
        content["classes"] = list(content["classes"])
        content["confusion"] = [list(row) for row in self.confusion]
        return content

    def to_markdown(self) -> str:
        """Return the overall measures, each class's, and the confusion matrix as Markdown."""
        short = [str(number) for number in range(len(self.classes))]
        rows = [
            f"{self.images} images: accuracy {_number(self.accuracy)}, "
            f"macro precision {_number(self.macro_precision)}, "
            f"macro recall {_number(self.macro_recall)}, macro AUC {_number(self.macro_auc)}.",
            "",
            "| | class | images | precision | recall | AUC |",
            "|---|---|---|---|---|---|",
        ]
        rows += [
            f"| {number} | {c.name} | {c.images} | {_number(c.precision)} | {_number(c.recall)} "
            f"| {_number(c.auc)} |"
            for number, c in zip(short, self.classes, strict=True)
        ]
        rows += [
            "",
            "| true \\ given | " + " | ".join(short) + " |",
            "|---" * (len(short) + 1) + "|",
        ]
        rows += [
            f"| {number} | " + " | ".join(str(count) for count in counts) + " |"
            for number, counts in zip(short, self.confusion, strict=True)
        ]
        return "\n".join(rows) + "\n"


def evaluate_probabilities(
    truth: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> ClassificationMetrics:
    """Measure probabilities against the truth.

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
    from sklearn.metrics import confusion_matrix, roc_auc_score

    true = np.asarray(truth, dtype=np.int64)
    given = np.asarray(probabilities, dtype=np.float64)
    count = len(class_names)
    if true.ndim != 1 or not len(true) or given.shape != (len(true), count):
        raise ValueError(
            f"{true.shape} true classes and probabilities {given.shape} do not fit {count} classes"
        )
    if true.min() < 0 or true.max() >= count:
        raise ValueError(f"true classes lie in {true.min()}..{true.max()}, not 0..{count - 1}")
    confusion = confusion_matrix(true, given.argmax(axis=1), labels=np.arange(count))
    classes = []
    for index, name in enumerate(class_names):
        member = true == index
        images, chosen = int(member.sum()), int(confusion[:, index].sum())
        hits = int(confusion[index, index])
        precision = hits / chosen if chosen else (0.0 if images else None)
        auc = float(roc_auc_score(member, given[:, index])) if 0 < images < len(true) else None
        classes.append(
            ClassMetrics(name, images, precision, hits / images if images else None, auc)
        )
    present = [c for c in classes if c.images]
    return ClassificationMetrics(
        images=len(true),
        accuracy=float(np.trace(confusion)) / len(true),
        macro_precision=_mean([c.precision for c in present]),
        macro_recall=_mean([c.recall for c in present]),
        macro_auc=_mean([c.auc for c in present]),
        classes=tuple(classes),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
    )


def comparison_table(results: Mapping[str, Mapping[str, ClassificationMetrics]]) -> str:
    """Return a Markdown table: for each set of images, a row for each classifier.

    Parameters
    ----------
    results : mapping
        By name of the set, then by name of the classifier.
    """
    rows = [
        "| images | classifier | n | accuracy | macro precision | macro recall | macro AUC |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {images} | {name} | {m.images} | {_number(m.accuracy)} | {_number(m.macro_precision)} "
        f"| {_number(m.macro_recall)} | {_number(m.macro_auc)} |"
        for images, classifiers in results.items()
        for name, m in classifiers.items()
    ]
    return "\n".join(rows) + "\n"


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def _number(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"
