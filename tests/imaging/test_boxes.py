from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from galpipe.imaging import Detections, area, clip, iou, longer_sides, suppress
from galpipe.imaging.boxes import as_boxes, overlap

edge = st.floats(-50, 50).map(lambda value: round(value, 3))
box = st.tuples(edge, edge, edge, edge).map(
    lambda e: (min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3]))
)
some_boxes = st.lists(box, max_size=12).map(as_boxes)


def test_golden_values() -> None:
    a = [[0, 0, 10, 10], [0, 0, 1, 1]]
    b = [[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]]
    np.testing.assert_allclose(iou(a, b), [[1 / 3, 1, 0], [0, 0.01, 0]])
    np.testing.assert_array_equal(area(a), [100, 1])
    np.testing.assert_array_equal(area([[5, 5, 2, 9]]), [0])
    np.testing.assert_array_equal(
        longer_sides([[0, 0, 4, 3], [1, 1, 2, 9], [5, 5, 2, 3]]), [4, 8, 0]
    )
    np.testing.assert_array_equal(clip([[-3, 2, 50, 60]], 40, 30), [[0, 2, 40, 30]])


def test_empty_and_wrong_shapes() -> None:
    assert as_boxes([]).shape == (0, 4)
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert longer_sides([]).shape == (0,)
    assert suppress([], [], 0.5).shape == (0,)
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        as_boxes([[1, 2, 3]])
    with pytest.raises(ValueError, match="scores"):
        suppress([[0, 0, 1, 1]], [0.5, 0.4], 0.5)


@settings(max_examples=40)
@given(some_boxes, some_boxes)
def test_iou_is_a_symmetric_share(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    values = iou(a, b)
    assert values.shape == (len(a), len(b))
    assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    np.testing.assert_allclose(values, iou(b, a).T)
    for index in np.flatnonzero(area(a) > 0):
        assert iou(a, a)[index, index] == pytest.approx(1)


@settings(max_examples=40)
@given(some_boxes, st.randoms(use_true_random=False), st.floats(0.05, 0.95))
def test_suppress_keeps_the_best_of_each_group(
    boxes: NDArray[np.float64], random: object, threshold: float
) -> None:
    scores = np.array([random.random() for _ in boxes])  # type: ignore[attr-defined]
    kept = suppress(boxes, scores, threshold)
    assert (np.diff(scores[kept]) <= 0).all()
    among = iou(boxes[kept], boxes[kept])
    assert (among[~np.eye(len(kept), dtype=bool)] <= threshold).all()
    for index in set(range(len(boxes))) - set(kept.tolist()):
        better = kept[scores[kept] >= scores[index]]
        assert (iou(boxes[[index]], boxes[better]) > threshold).any()


def test_suppress_golden() -> None:
    boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10], [4, 4, 6, 6]]
    scores = [0.5, 0.9, 0.6, 0.7]
    # the small box within the large one survives: its IoU is 0.04
    np.testing.assert_array_equal(suppress(boxes, scores, 0.5), [1, 3])
    np.testing.assert_array_equal(suppress(boxes, scores, 0.5, [0, 1, 1, 1]), [1, 3, 0])
    np.testing.assert_array_equal(suppress(boxes[:2], [0.5, 0.5], 0.5), [0])


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


def test_windows_overlap_an_image_where_both_have_pixels() -> None:
    image = np.arange(12).reshape(3, 4)
    for edges in [(-1, -1, 2, 2), (2, 1, 6, 5), (0, 0, 4, 3), (-5, 0, -2, 2), (6, 0, 9, 2)]:
        in_image, in_window = overlap(edges, image.shape)
        x0, y0, x1, y1 = edges
        window = np.full((y1 - y0, x1 - x0), -1)
        window[in_window] = image[in_image]
        wide = np.pad(image, 9, constant_values=-1)
        np.testing.assert_array_equal(window, wide[y0 + 9 : y1 + 9, x0 + 9 : x1 + 9])
