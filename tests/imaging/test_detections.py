from __future__ import annotations

import numpy as np
import pytest

from galpipe.imaging import Detections


def test_select_and_concatenate() -> None:
    first = Detections([[0, 0, 2, 2], [1, 1, 3, 4]], [0.2, 0.9], [1, 0], [5, 6])
    second = Detections([[7, 7, 9, 9]], [0.5])
    both = Detections.concatenate([first, second])
    assert len(both) == 3
    np.testing.assert_array_equal(both.class_ids, [1, 0, 0])
    np.testing.assert_array_equal(both.tiles, [5, 6, -1])
    chosen = both.select(np.argsort(-both.scores))
    np.testing.assert_array_equal(chosen.scores, [0.9, 0.5, 0.2])
    np.testing.assert_array_equal(both.select(both.scores > 0.4).tiles, [6, -1])
    assert len(both.select([])) == 0
    assert len(Detections.concatenate([])) == 0


def test_other_columns_stay_when_boxes_change() -> None:
    moved = Detections([[0, 0, 2, 2]], [0.2], [3], [4]).with_boxes([[1, 1, 3, 3]])
    np.testing.assert_array_equal(moved.boxes, [[1, 1, 3, 3]])
    assert (moved.class_ids[0], moved.tiles[0]) == (3, 4)
    assert moved.with_tile(8).tiles[0] == 8


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([[0, 0, 1, 1]], [0.5, 0.6]), "scores"),
        (([[0, 0, 1, 1]], [0.5], [1, 2]), "class_ids"),
        (([[0, 0, np.nan, 1]], [0.5]), "finite"),
        (([[0, 0, 1, 1]], [np.inf]), "finite"),
        (([[5, 0, 1, 1]], [0.5]), "xmin <= xmax"),
    ],
)
def test_nonsense_is_refused(columns: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections(*columns)  # type: ignore[arg-type]
