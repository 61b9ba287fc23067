from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.exploration import plots
from galpipe.exploration.number_of_clusters import Curve
from galpipe.exploration.plots import plot_curve, plot_maps, plot_shares

pytest.importorskip("matplotlib")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved."""
    saved: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda path, figure: saved.append(figure))
    return saved


def test_the_variance_is_shown_where_it_grows(figures: list[Any]) -> None:
    shares = np.array([0.6, 0.3, 0.05, 0.045, *np.full(996, 0.005 / 996)])
    plot_shares(Path("variance.png"), shares, 2)
    (axes,) = figures[0].axes
    assert axes.get_xlim()[1] < 10
    assert axes.get_legend().get_texts()[0].get_text() == "2 components: 90%"
    assert axes.get_xlabel() == "number of principal components"
    assert axes.get_ylabel() == "cumulative share of the variance"


def test_the_elbow_and_the_number_that_is_used(figures: list[Any]) -> None:
    values = np.array([9.0, 4.0, 1.0, 0.9, 0.8])
    plot_curve(Path("number.png"), Curve("elbow", values, 3), 4)
    (axes,) = figures[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["elbow: 3", "used: 4"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "number of clusters",
        "sum of squared distances",
    )


def test_the_gap_of_the_legend_is_the_band(figures: list[Any]) -> None:
    values = np.array([0, 0.01, 0.02, 0.5, 0.51, 0.52])
    plot_curve(Path("number.png"), Curve("eigengap", values, 3), 3)
    (axes,) = figures[0].axes
    (band,) = axes.get_legend().legend_handles
    assert band.get_alpha() == 0.2
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("number of the eigenvalue", "eigenvalue")


def test_a_colour_bar_is_beside_its_map(figures: list[Any]) -> None:
    positions = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    groups = {"survey": ["a survey with a name that is much longer than the others"] * 30}
    measures = {"size": np.arange(30.0), "brightness": np.arange(30.0)}
    plot_maps(Path("tsne.png"), "t-SNE", positions, groups, measures)
    figure = figures[0]
    figure.canvas.draw()
    maps = {axes.get_title(): axes.get_window_extent() for axes in figure.axes}
    bars = [axes.get_window_extent() for axes in figure.axes if not axes.get_title()]
    assert len(bars) == 2
    assert maps["survey"].width > 0.2 * figure.bbox.width
    for name in measures:
        right = maps[name].x1
        assert min(abs(bar.x0 - right) for bar in bars) < 0.05 * figure.bbox.width
