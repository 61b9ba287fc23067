"""Plots of clusters: the variance of components, the number of clusters, maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import atomic_path
from .clustering import NOISE, group_name
from .number_of_clusters import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_curve", "plot_maps", "plot_shares"]

_COLOUR, _MARK = "#3b6ea5", "#c8553d"
_DPI = 120
_MOST_NAMES = 12
_MOST_VARIANCE = 0.99
_LONGEST_NAME = 32


def plot_shares(path: Path, shares: NDArray[np.float64], kept: int) -> None:
    """Plot the cumulative share of the variance of principal components, up to 99 % of it.

    Parameters
    ----------
    path : Path
        PNG file.
    shares : ndarray of float64, shape (F,)
        Share of each component.
    kept : int
        Number of components that are kept.
    """
    figure, axes = _figure(6.4, 4.0)
    sums = np.cumsum(shares)
    shown = min(max(int(np.searchsorted(sums, _MOST_VARIANCE)) + 1, kept + 1), len(sums))
    axes.plot(np.arange(1, shown + 1), sums[:shown], ".-", color=_COLOUR)
    label = f"{kept} components: {sums[kept - 1]:.0%}"
    axes.axvline(kept, color=_MARK, linestyle="--", label=label)
    axes.set(xlabel="number of principal components", ylabel="cumulative share of the variance")
    axes.set(xlim=(0, shown + 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="lower right")
    _save(path, figure)


def plot_curve(path: Path, curve: Curve, used: int) -> None:
    """Plot the sums of squares of K-means, or the eigenvalues, with the chosen number marked.

    Parameters
    ----------
    path : Path
        PNG file.
    curve : Curve
    used : int
        Number of clusters that are made.
    """
    figure, axes = _figure(6.4, 4.0)
    count = np.arange(1, len(curve.values) + 1)
    axes.plot(count, curve.values, "o-", color=_COLOUR)
    if curve.kind == "elbow":
        axes.axvline(curve.chosen, color=_MARK, linestyle="--", label=f"elbow: {curve.chosen}")
        axes.set(xlabel="number of clusters", ylabel="sum of squared distances")
    else:
        gap = curve.values[curve.chosen - 1 : curve.chosen + 1]
        label = f"largest gap: {curve.chosen} clusters"
        axes.axhspan(*gap, color=_MARK, alpha=0.2, linewidth=0, label=label)
        axes.set(xlabel="number of the eigenvalue", ylabel="eigenvalue")
    if used != curve.chosen:
        axes.axvline(used, color="0.4", linestyle=":", label=f"used: {used}")
    axes.set_xticks(count)
    axes.legend(frameon=False)
    _save(path, figure)


def plot_maps(
    path: Path,
    title: str,
    positions: NDArray[np.float32],
    groups: Mapping[str, Sequence[str]],
    measures: Mapping[str, NDArray[np.float64]],
) -> None:
    """Plot a map of galaxies several times, coloured by groups and by measures.

    Parameters
    ----------
    path : Path
        PNG file.
    title : str
        Name of the map.
    positions : ndarray of float32, shape (N, 2)
        NaN for galaxies that are not on the map.
    groups : mapping of str to sequence of str
        By title, the name of the group of each galaxy; empty for none.
    measures : mapping of str to ndarray of float64, shape (N,)
        By title, the value for each galaxy.
    """
    from matplotlib.figure import Figure

    shown = np.isfinite(positions[:, 0])
    x, y = positions[shown].T
    count = len(groups) + len(measures)
    rows = -(-count // 2)
    figure = Figure(figsize=(13.5, 5.2 * rows), layout="constrained")
    figure.suptitle(f"{title}: each dot is a galaxy; distances between groups mean nothing")
    # Each map in its own part, so that a colour bar is beside its map, whatever legend is above.
    parts = figure.subfigures(rows, 2, squeeze=False).flat
    panels = [part.subplots() for part in islice(parts, count)]
    for axes, (name, members) in zip(panels, groups.items(), strict=False):
        kept = [one for one, drawn in zip(members, shown, strict=True) if drawn]
        _scatter_groups(axes, x, y, kept)
        axes.set_title(name)
    for axes, (name, values) in zip(panels[len(groups) :], measures.items(), strict=False):
        known = values[shown]
        low, high = np.nanpercentile(known, (2, 98)) if np.isfinite(known).any() else (0, 1)
        drawn = axes.scatter(x, y, s=4, c=known, vmin=low, vmax=high, cmap="viridis")
        axes.figure.colorbar(drawn, ax=axes)
        axes.set_title(name)
    for axes in panels:
        # The same scale on both axes, however much room the legend leaves.
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xticks([])
        axes.set_yticks([])
    _save(path, figure)


def _scatter_groups(axes: Axes, x: Any, y: Any, members: Sequence[str]) -> None:
    """Draw the galaxies of each group in a colour; rare groups are grey."""
    from matplotlib import colormaps

    names = [name for name, _ in Counter(filter(None, members)).most_common(_MOST_NAMES)]
    others = np.array([name not in names for name in members])
    axes.scatter(x[others], y[others], s=4, color="0.8")
    colours = colormaps["tab10" if len(names) <= 10 else "tab20"]
    for place, name in enumerate(sorted(names, key=_order)):
        own = np.array([member == name for member in members])
        # Matplotlib ignores labels that begin with "_" and typesets "$" as a formula.
        label = name.lstrip("_").replace("$", r"\$")
        if len(label) > _LONGEST_NAME:
            label = f"{label[:_LONGEST_NAME].rstrip()}…"
        colour = "0.8" if name == group_name(NOISE) else colours(place)
        axes.scatter(x[own], y[own], s=4, color=colour, label=label)
    axes.legend(frameon=False, markerscale=3, loc="center left", bbox_to_anchor=(1, 0.5))


def _order(name: str) -> tuple[int, str]:
    """Sort names that end in a number by it."""
    last = name.rpartition(" ")[2]
    return (int(last) if last.isdecimal() else 0, name)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(path: Path, figure: Any) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
