from __future__ import annotations

from pathlib import Path

import numpy as np

from galpipe.evaluation.misclassified import (
    draw_misclassified,
    misclassified_table,
    worst_misclassified,
)


def test_the_surest_mistakes_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]], np.float32)
    paths = [Path(f"{number}.png") for number in range(4)]
    found = worst_misclassified(np.array([0, 0, 0, 1]), probabilities, ("a", "b"), paths)
    assert [(one.name, one.true, one.given) for one in found] == [
        ("2.png", "a", "b"),
        ("1.png", "a", "b"),
        ("3.png", "b", "a"),
    ]
    assert misclassified_table(found).rows[0] == ["1", "2.png", "a", "b", "0.80", "0.20"]
    sheet = draw_misclassified(found, lambda index: np.full((8, 8, 3), 60 * index, np.uint8))
    assert sheet.dtype == np.uint8
    assert sheet.ndim == 3
