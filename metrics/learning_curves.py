"""Plot the history of a training: losses and measures by epoch or step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import require
from .plots import COLOURS, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LEARNING_CURVES_NAME", "plot_learning_curves"]

LEARNING_CURVES_NAME = "learning_curves.png"
"""File of the plot in a bundle."""

_LOSSES = ("loss", "validation_loss")
# The mean of the others.
_OMITTED = "score"
_ERROR = "squared_error"
_FEW = 30


def plot_learning_curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> bytes:
    """Plot the losses, and beside them the other measures, a row for each network.

    Parameters
    ----------
    histories : mapping of str to mapping of str to sequence of float
        Columns by network, as from `galpipe.models.training_history.read_history`: the first one
        is the epoch or step.  At least one network.

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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.4 * len(histories)), layout="constrained")
    rows = figure.subplots(len(histories), 2, squeeze=False, sharex="row")
    for (losses, measures), (name, history) in zip(rows, histories.items(), strict=True):
        place, *columns = history
        others = [column for column in columns if column not in (*_LOSSES, _OMITTED)]
        title = name.replace("$", r"\$")
        _draw(losses, history, place, [one for one in _LOSSES if one in columns])
        losses.set(xlabel=place, ylabel="loss", title=title)
        _draw(measures, history, place, others)
        measures.set(xlabel=place, title=title)
        if others and all(_ERROR in column for column in others):
            measures.set(ylabel="squared error")
            measures.set_ylim(bottom=0)
        else:
            measures.set(ylabel="measure", ylim=(-0.02, 1.03))
    return png_of(figure)


def _draw(
    axes: Axes, history: Mapping[str, Sequence[float]], place: str, columns: Sequence[str]
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for column, colour in zip(columns, COLOURS, strict=False):
        values = np.array(history[column])
        known = np.isfinite(values)
        axes.plot(
            np.array(history[place])[known],
            values[known],
            color=colour,
            linewidth=1.4,
            marker="o" if known.sum() <= _FEW else "",
            markersize=3,
            label=_label(column),
        )
    if columns:
        axes.legend(frameon=False, loc="best")


def _label(column: str) -> str:
    """Return the text of the legend, such as ``mAP@0.5, fields`` for ``map50_fields``."""
    kind, _, role = column.partition("_")
    titles = {"map50": "mAP@0.5", "ap": "AP@[.5:.95]"}
    if kind in titles:
        return f"{titles[kind]}, {role}"
    return "training loss" if column == "loss" else column.replace("_", " ")
