from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from galpipe.metrics import learning_curves
from galpipe.metrics.learning_curves import _draw, _label, plot_learning_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytestmark = pytest.mark.tensorflow

pytest.importorskip("matplotlib")

DETECTOR = {
    "step": [10.0, 20.0, 30.0],
    "loss": [3.0, 2.0, 1.5],
    "validation_loss": [float("nan"), 2.2, float("nan")],
    "score": [float("nan"), 0.4, float("nan")],
    "map50_fields": [float("nan"), 0.5, float("nan")],
}


def test_each_network_has_a_row() -> None:
    heights = []
    for histories in ({"one": DETECTOR}, {"$one": DETECTOR, "other": DETECTOR}):
        content = np.frombuffer(plot_learning_curves(histories), np.uint8)
        heights.append(cv2.imdecode(content, cv2.IMREAD_COLOR).shape[0])
    assert heights[1] == 2 * heights[0]


def test_a_training_without_rows_is_drawn_empty() -> None:
    plot_learning_curves({"one": {name: [] for name in DETECTOR}})


def test_epochs_are_whole_numbers() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    _draw(axes, {"epoch": [1.0], "loss": [2.0]}, "epoch", ["loss"])
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_legends_are_in_words() -> None:
    assert [_label(column) for column in DETECTOR if column not in ("step", "score")] == [
        "training loss",
        "validation loss",
        "mAP@0.5, fields",
    ]


def test_errors_are_shown_up_to_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return b""

    monkeypatch.setattr(learning_curves, "png_of", keep)
    votes = {"epoch": [1.0, 2.0], "loss": [6.0, 5.0], "squared_error": [0.06, 0.05]}
    plot_learning_curves({"votes": votes, "detector": DETECTOR})
    _, errors, _, scores = figures[0].axes
    assert errors.get_ylabel() == "squared error"
    assert errors.get_ylim()[0] == 0
    assert errors.get_ylim()[1] < 0.1
    assert scores.get_ylim()[1] > 1
