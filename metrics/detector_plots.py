"""Pictures of detectors' curves, several detectors in one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import require
from ..files.atomic import atomic_path
from .curves import recall_by_size, reliability
from .detector_metrics import DetectionMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["CURVES", "MeasuredCurve", "reliability_picture", "write_curves"]

_COLOURS = ("#3b6ea5", "#c8553d", "#4f9d69", "#8a5fa8", "#b08a2e", "#4aa3a8", "#8c8c8c")
_TICKS = (8, 16, 32, 64, 128, 256, 512)
# A point of few boxes or galaxies says little; its mark is as small.
_MARK = 16.0
_DPI = 120


@dataclass(frozen=True)
class MeasuredCurve:
    """What is drawn in one colour: a name, the figures and the detector's score threshold."""

    name: str
    metrics: DetectionMetrics
    threshold: float


def write_curves(folder: Path, measured: Sequence[MeasuredCurve]) -> None:
    """Draw what `CURVES` names as PNG files.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    measured : sequence of MeasuredCurve
        The detectors, one colour each.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If a file cannot be written.
    """
    require("matplotlib", "train")
    for name, draw in _DRAWN.items():
        figure = _figure(draw, measured)
        with atomic_path(folder / name) as beside:
            figure.savefig(beside, dpi=_DPI)


def reliability_picture(measured: Sequence[MeasuredCurve]) -> bytes:
    """Draw score against the share of true boxes, and return the PNG file.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require("matplotlib", "train")
    content = io.BytesIO()
    _figure(_draw_reliability, measured).savefig(content, dpi=_DPI)
    return content.getvalue()


def _figure(
    draw: Callable[[Axes, MeasuredCurve, str], Line2D], measured: Sequence[MeasuredCurve]
) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_ylim(-0.02, 1.03)
    lines = [draw(axes, one, _COLOURS[place % len(_COLOURS)]) for place, one in enumerate(measured)]
    # A name that begins with "_" would be left out, one with "$" be set as a formula.
    names = [one.name.lstrip("_").replace("$", r"\$") for one in measured]
    axes.legend(lines, names, frameon=False, loc="best")
    return figure


def _draw_precision_recall(axes: Axes, one: MeasuredCurve, colour: str) -> Line2D:
    curve = one.metrics.curve
    (line,) = axes.plot(curve.recall, curve.precision, color=colour, linewidth=1.6)
    precision, recall = curve.at(one.threshold)
    axes.plot([recall], [precision], "o", color=colour)
    axes.set_xlim(-0.02, 1.03)
    axes.set(
        xlabel="recall at IoU 0.5",
        ylabel="precision",
        title="Precision and recall; the spot is the score threshold",
    )
    return line


def _draw_recall_by_size(axes: Axes, one: MeasuredCurve, colour: str) -> Line2D:
    curve = recall_by_size(one.metrics.matches, one.threshold)
    (line,) = axes.plot(curve.sizes, curve.recall, color=colour, linewidth=1.2)
    axes.scatter(curve.sizes, curve.recall, s=_marks(curve.counts), color=colour)
    axes.set_xscale("log")
    axes.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
    axes.minorticks_off()
    axes.set(
        xlabel="square root of the galaxy's area (pixels)",
        ylabel="recall at IoU 0.5",
        title="Recall by size at the score threshold; spots grow with the galaxies",
    )
    return line


def _draw_reliability(axes: Axes, one: MeasuredCurve, colour: str) -> Line2D:
    bins = [b for b in reliability(one.metrics.matches).bins if b.count]
    scores = np.array([b.probability for b in bins], dtype=np.float64)
    shares = np.array([b.share for b in bins], dtype=np.float64)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    (line,) = axes.plot(scores, shares, color=colour, linewidth=1.2)
    axes.scatter(scores, shares, s=_marks(np.array([b.count for b in bins])), color=colour)
    axes.axvline(one.threshold, color=colour, linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.02, 1.03)
    axes.set(
        xlabel="score",
        ylabel="share of true boxes",
        title="Reliability; spots grow with the boxes, dotted: the threshold",
    )
    return line


def _marks(counts: np.ndarray) -> np.ndarray:
    return np.asarray(_MARK * np.clip(np.sqrt(counts / 10), 0.4, 4))


_DRAWN: Mapping[str, Callable[[Axes, MeasuredCurve, str], Line2D]] = {
    "precision_recall.png": _draw_precision_recall,
    "recall_by_size.png": _draw_recall_by_size,
    "reliability.png": _draw_reliability,
}

CURVES = tuple(_DRAWN)
"""Names of the pictures."""
