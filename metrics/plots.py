"""Plots of metrics: confusion, ROC and reliability of a classifier; curves of detectors."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import require
from ..files.atomic import atomic_path
from .classifier_metrics import ClassificationMetrics
from .curves import recall_by_size, reliability
from .detector_metrics import DetectionMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = [
    "DetectorCurve",
    "classifier_plot_names",
    "plot_reliability",
    "write_classifier_plots",
    "write_detector_plots",
]

COLOURS = ("#3b6ea5", "#c8553d", "#4f9d69", "#8a5fa8", "#b08a2e", "#4aa3a8", "#8c8c8c")
_DPI = 120
_LONGEST_LINE = 44
_SIZE_TICKS = (8, 16, 32, 64, 128, 256, 512)
# Area of a marker for ten objects, points squared; proportional to the root of their number.
_MARK = 16.0


@dataclass(frozen=True)
class DetectorCurve:
    """Detector drawn in one colour.

    Attributes
    ----------
    name : str
        Text of the legend.
    metrics : DetectionMetrics
    threshold : float
        The detector's score threshold.
    """

    name: str
    metrics: DetectionMetrics
    threshold: float


def classifier_plot_names(stem: str) -> list[str]:
    """Return the file names of `write_classifier_plots`.

    Parameters
    ----------
    stem : str
        Start of the names.
    """
    return [f"{stem}_{kind}.png" for kind in ("confusion", "roc", "reliability")]


def write_classifier_plots(
    folder: str | Path,
    stem: str,
    title: str,
    metrics: ClassificationMetrics,
    truth: ArrayLike,
    probabilities: ArrayLike,
) -> None:
    """Plot confusion matrix, ROC curves and reliability of a classifier.

    Parameters
    ----------
    folder : path
        Created if missing; files of the names in `classifier_plot_names` are replaced.
    stem : str
        Start of the file names.
    title : str
        Name of the classifier in the titles of the plots.
    metrics : ClassificationMetrics
    truth, probabilities : array
        Arguments of `evaluate_probabilities` for `metrics`.

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
    _write(Path(folder), zip(classifier_plot_names(stem), figures, strict=True))


def write_detector_plots(folder: Path, detectors: Sequence[DetectorCurve]) -> None:
    """Plot ``precision_recall.png``, ``recall_by_size.png`` and ``reliability.png``.

    Parameters
    ----------
    folder : Path
        Created if missing; files of the same names are replaced.
    detectors : sequence of DetectorCurve

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If a file cannot be written.
    """
    require("matplotlib", "train")
    drawn = {
        "precision_recall.png": _draw_precision_recall,
        "recall_by_size.png": _draw_recall_by_size,
        "reliability.png": _draw_reliability,
    }
    _write(folder, ((name, _overlaid(draw, detectors)) for name, draw in drawn.items()))


def plot_reliability(detectors: Sequence[DetectorCurve]) -> bytes:
    """Plot the fraction of true boxes by score.

    Parameters
    ----------
    detectors : sequence of DetectorCurve

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require("matplotlib", "train")
    return png_of(_overlaid(_draw_reliability, detectors))


def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """
    content = io.BytesIO()
    figure.savefig(content, dpi=_DPI)
    return content.getvalue()


def _write(folder: Path, figures: Iterable[tuple[str, Figure]]) -> None:
    for name, figure in figures:
        with atomic_path(folder / name) as temporary:
            figure.savefig(temporary, dpi=_DPI)


def _confusion(title: str, metrics: ClassificationMetrics) -> Figure:
    """Draw the counts, coloured by their fraction of the true class."""
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
    predicted = [_wrapped(c.name) for c in metrics.classes]
    axes.set_xticks(ticks, predicted, rotation=40, ha="right")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted", ylabel="true", title=f"{title}: accuracy {metrics.accuracy:.3f}")
    figure.colorbar(picture, ax=axes, shrink=0.8).set_label("share of the true class")
    return figure


def _roc(
    title: str, metrics: ClassificationMetrics, truth: np.ndarray, probabilities: np.ndarray
) -> Figure:
    """Draw the ROC curve of each class against all others."""
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
    """Draw accuracy by probability over a histogram of the probabilities."""
    from matplotlib.figure import Figure

    filled = [b for b in metrics.reliability if b.count]
    figure = Figure(figsize=(5.5, 6), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="calibrated")
    upper.plot(
        [b.probability for b in filled],
        [b.share for b in filled],
        color=COLOURS[0],
        marker="o",
        label="measured",
    )
    upper.set(
        ylabel="accuracy",
        ylim=(-0.02, 1.02),
        title=f"{title}: calibration error {metrics.calibration_error:.3f}",
    )
    upper.legend(frameon=False)
    lower.bar(
        [b.lowest for b in metrics.reliability],
        [b.count for b in metrics.reliability],
        width=1 / len(metrics.reliability),
        align="edge",
        color=COLOURS[0],
        edgecolor="white",
    )
    lower.set(xlabel="probability of the predicted class", ylabel="images", xlim=(0, 1))
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _wrapped(name: str) -> str:
    """Wrap the name of a set of classes."""
    return fill(name, _LONGEST_LINE)


def _overlaid(
    draw: Callable[[Axes, DetectorCurve, str], Line2D], detectors: Sequence[DetectorCurve]
) -> Figure:
    """Draw one curve for each detector."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_ylim(-0.02, 1.03)
    lines = [
        draw(axes, detector, COLOURS[place % len(COLOURS)])
        for place, detector in enumerate(detectors)
    ]
    # Matplotlib ignores labels that begin with "_" and typesets "$" as a formula.
    names = [detector.name.lstrip("_").replace("$", r"\$") for detector in detectors]
    axes.legend(lines, names, frameon=False, loc="best")
    return figure


def _draw_precision_recall(axes: Axes, detector: DetectorCurve, colour: str) -> Line2D:
    curve = detector.metrics.curve
    (line,) = axes.plot(curve.recall, curve.precision, color=colour, linewidth=1.6)
    precision, recall = curve.at(detector.threshold)
    if precision is not None:
        axes.plot([recall], [precision], "o", color=colour)
    axes.set_xlim(-0.02, 1.03)
    axes.set(
        xlabel="recall at IoU 0.5",
        ylabel="precision",
        title="Precision and recall; dot: the score threshold",
    )
    return line


def _draw_recall_by_size(axes: Axes, detector: DetectorCurve, colour: str) -> Line2D:
    curve = recall_by_size(detector.metrics.matches, detector.threshold)
    (line,) = axes.plot(curve.sizes, curve.recall, color=colour, linewidth=1.2)
    axes.scatter(curve.sizes, curve.recall, s=_marks(curve.counts), color=colour)
    axes.set_xscale("log")
    axes.set_xticks(_SIZE_TICKS, [str(tick) for tick in _SIZE_TICKS])
    axes.minorticks_off()
    axes.set(
        xlabel="square root of the galaxy's area (pixels)",
        ylabel="recall at IoU 0.5",
        title="Recall by size at the score threshold; dots grow with the galaxies",
    )
    return line


def _draw_reliability(axes: Axes, detector: DetectorCurve, colour: str) -> Line2D:
    bins = [b for b in reliability(detector.metrics.matches).bins if b.count]
    scores = np.array([b.probability for b in bins], dtype=np.float64)
    shares = np.array([b.share for b in bins], dtype=np.float64)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    (line,) = axes.plot(scores, shares, color=colour, linewidth=1.2)
    axes.scatter(scores, shares, s=_marks(np.array([b.count for b in bins])), color=colour)
    axes.axvline(detector.threshold, color=colour, linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.02, 1.03)
    axes.set(
        xlabel="score",
        ylabel="share of true boxes",
        title="Reliability; dots grow with the boxes, dotted line: the threshold",
    )
    return line


def _marks(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(_MARK * np.clip(np.sqrt(counts / 10), 0.4, 4))
