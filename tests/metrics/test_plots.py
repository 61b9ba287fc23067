from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.metrics.classifier_metrics import evaluate_probabilities
from galpipe.metrics.plots import classifier_plot_names, write_classifier_plots


@pytest.mark.tensorflow
@pytest.mark.parametrize("truth", [[0, 0, 1, 2], [1, 1, 1, 1]])
def test_all_pictures_are_drawn_also_of_one_class_alone(truth: list[int], tmp_path: Path) -> None:
    names = ("round", "edge-on", "$merging_", "unseen")
    given = np.random.default_rng(0).dirichlet(np.ones(4), 4)
    metrics = evaluate_probabilities(truth, given, names)
    write_classifier_plots(tmp_path / "new", "cnn", "CNN", metrics, truth, given)
    for name in classifier_plot_names("cnn"):
        picture = cv2.imread(str(tmp_path / "new" / name))
        assert picture is not None
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10
