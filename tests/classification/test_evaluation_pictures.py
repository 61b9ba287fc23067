from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.metrics.classifier_metrics import evaluate_probabilities
from galpipe.metrics.classifier_plots import picture_names, write_pictures


@pytest.mark.parametrize("truth", [[0, 0, 1, 2], [1, 1, 1, 1]])
def test_all_pictures_are_drawn_also_of_one_class_alone(truth: list[int], tmp_path: Path) -> None:
    names = ("round", "edge-on", "$merging_", "unseen")
    given = np.random.default_rng(0).dirichlet(np.ones(4), 4)
    metrics = evaluate_probabilities(truth, given, names)
    written = write_pictures(tmp_path / "new", "cnn", "CNN", metrics, truth, given)
    assert [path.name for path in written] == picture_names("cnn")
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10
