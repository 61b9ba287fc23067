from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from galpipe.imaging import area, clip, iou, longer_sides, suppress
from galpipe.imaging.boxes import as_boxes

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
