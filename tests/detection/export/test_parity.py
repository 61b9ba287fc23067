from __future__ import annotations

import numpy as np
import pytest

from galpipe.detection.export.parity import DetectorParity, _differences
from galpipe.imaging import Detections


def _found(*rows: tuple[float, float, float, int]) -> Detections:
    """Make boxes of 10 pixels: x, y, score, class."""
    boxes = np.array([[x, y, x + 10, y + 10] for x, y, _, _ in rows], float).reshape(-1, 4)
    scores, class_ids = (np.array([row[place] for row in rows]) for place in (2, 3))
    return Detections(boxes, scores, class_ids.astype(np.int64), np.full(len(rows), -1))


def test_boxes_are_compared_with_their_like() -> None:
    ours = _found((0, 0, 0.9, 0), (50, 50, 0.6, 0), (80, 80, 0.7, 1))
    theirs = _found((50, 50.5, 0.58, 0), (2, 0, 0.8, 1), (0, 0.25, 0.89, 0))
    differences = _differences(ours, theirs, 320.0)
    np.testing.assert_allclose(differences, [[0.25, 0.01], [0.5, 0.02], [320, 0.7]])
    np.testing.assert_allclose(_differences(ours, _found(), 320.0)[:, 0], 320)
    assert _differences(_found(), ours, 320.0).shape == (0, 2)


def test_it_says_what_is_apart() -> None:
    good = DetectorParity(200, 400, 0.31, 0.0042, 0)
    assert good.holds
    assert "0.31 pixels" in str(good)
    assert "apart" not in str(good)
    bad = DetectorParity(200, 400, 3.0, 0.2, 7)
    assert not bad.holds
    assert "7 boxes are more than a pixel or 0.01 apart" in str(bad)
    assert DetectorParity(**bad.to_json()) == bad


def test_figures_are_rounded() -> None:
    assert DetectorParity(1, 1, 0.123456, 0.0, 0).to_json()["box_difference"] == pytest.approx(
        0.1235
    )
