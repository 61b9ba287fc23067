"""Pictures of what a classifier was measured at: confusion, ROC curves, reliability."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..errors import require
from ..files.atomic import atomic_path
from .classifier_metrics import ClassificationMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_names", "write_pictures"]

_COLOUR = "#3b6ea5"
_DPI = 120
_LONGEST = 44
"""Characters of a line."""


def picture_names(stem: str) -> list[str]:
    """Return the names of the files that `write_pictures` writes."""
    return [f"{stem}_{kind}.png" for kind in ("confusion", "roc", "reliability")]


def write_pictures(
    folder: str | Path,
    stem: str,
    title: str,
    metrics: ClassificationMetrics,
    truth: ArrayLike,
    probabilities: ArrayLike,
) -> list[Path]:
    """Draw what was measured of one classifier, as the files of `picture_names`.

    Parameters
    ----------
    folder : path
        Made if missing; files of the same names are replaced.
    stem : str
        Start of the names of the files.
    title : str
        Name of the classifier as it is written above the pictures.
    metrics : ClassificationMetrics
        What was measured.
    truth, probabilities : array
        What was measured on, as `evaluate_probabilities` takes it.

    Raises
    ------
    MissingExtraError
        If matplotlib or scikit-learn is not installed.
    OutputError
        If a file cannot be written.
    """
    require("matplotlib", "train")
    figures = (
        _confusion(title, metrics),
        _roc(title, metrics, np.asarray(truth), np.asarray(probabilities)),
        _reliability(title, metrics),
    )
    written = []
    for name, figure in zip(picture_names(stem), figures, strict=True):
        goal = Path(folder) / name
        with atomic_path(goal) as beside:
            figure.savefig(beside, dpi=_DPI)
        written.append(goal)
    return written


def _confusion(title: str, metrics: ClassificationMetrics) -> Figure:
    """Draw the counts, coloured by their share of the true class."""
    from matplotlib.figure import Figure

    names = [_wrapped(f"{c.name} ({c.images})") for c in metrics.classes]
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    lines = max(name.count("\n") for name in names) + 1
    side = 3.6 + (0.2 + 0.3 * lines) * len(names)
    figure = Figure(figsize=(side + 2.2, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    ticks = np.arange(len(names))
    given = [_wrapped(c.name) for c in metrics.classes]
    axes.set_xticks(ticks, given, rotation=40, ha="right")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="given", ylabel="true", title=f"{title}: accuracy {metrics.accuracy:.3f}")
    figure.colorbar(picture, ax=axes, shrink=0.8).set_label("share of the true class")
    return figure


def _roc(
    title: str, metrics: ClassificationMetrics, truth: np.ndarray, probabilities: np.ndarray
) -> Figure:
    """Draw each class against all others, from its probability."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    figure = Figure(figsize=(9.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    for index, measured in enumerate(metrics.classes):
        if measured.auc is not None:
            false, true, _ = roc_curve(truth == index, probabilities[:, index])
            label = _wrapped(f"{measured.name} ({measured.images}): {measured.auc:.3f}")
            axes.plot(false, true, color=colormaps["tab10"](index % 10), label=label)
    axes.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        title=f"{title}: one class against the rest",
        aspect="equal",
    )
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.lines) > 1:
        figure.legend(title="class (images): AUC", loc="outside right center", frameon=False)
    return figure


def _reliability(title: str, metrics: ClassificationMetrics) -> Figure:
    """Draw accuracy over the probability given, and how many images were given it."""
    from matplotlib.figure import Figure

    filled = [bin_ for bin_ in metrics.reliability if bin_.count]
    figure = Figure(figsize=(5.5, 6), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="calibrated")
    upper.plot(
        [bin_.probability for bin_ in filled],
        [bin_.share for bin_ in filled],
        color=_COLOUR,
        marker="o",
        label="measured",
    )
    upper.set(
        ylabel="share that is right",
        ylim=(-0.02, 1.02),
        title=f"{title}: calibration error {metrics.calibration_error:.3f}",
    )
    upper.legend(frameon=False)
    lower.bar(
        [bin_.lowest for bin_ in metrics.reliability],
        [bin_.count for bin_ in metrics.reliability],
        width=1 / len(metrics.reliability),
        align="edge",
        color=_COLOUR,
        edgecolor="white",
    )
    lower.set(xlabel="probability of the given class", ylabel="images", xlim=(0, 1))
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _wrapped(name: str) -> str:
    """Return the name of a class on one line, that of a set of classes on several."""
    return fill(name, _LONGEST)
