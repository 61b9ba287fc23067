"""Scree plot of a principal component analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import require
from .plots import png_of

__all__ = ["plot_scree"]


def plot_scree(shares: Sequence[float], chosen: int) -> bytes:
    """Plot the share of the variance of each component, and their cumulative share.

    Parameters
    ----------
    shares : sequence of float
        Fraction of the variance of each component, the largest first.
    chosen : int
        Number of components that are used, which is marked.

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

    numbers = np.arange(1, len(shares) + 1)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar(numbers, shares, color="#3b6ea5")
    axes.axvline(chosen + 0.5, color="0.5", linestyle="--")
    axes.set(xlabel=f"component ({chosen} used)", xlim=(0, len(shares) + 1))
    axes.set_ylabel("share of the variance", color="#3b6ea5")
    sums = axes.twinx()
    sums.plot(numbers, np.cumsum(shares), color="#c8553d")
    sums.set_ylim(0, 1)
    sums.set_ylabel("cumulative share", color="#c8553d")
    return png_of(figure)
