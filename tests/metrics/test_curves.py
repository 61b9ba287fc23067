from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.imaging import Detections
from galpipe.metrics.coco import Matches
from galpipe.metrics.curves import PrecisionRecall, confusion, recall_by_size, reliability

NAMES = ("galaxy", "star")


def _matches(
    objects: list[tuple[float, float]] | None = None, found: list[tuple[float, bool]] | None = None
) -> Matches:
    """Make matches of objects (size, score) and detections (score, hit), the best first."""
    sizes: Any = np.array(objects or [], float).reshape(-1, 2)
    results: Any = np.array(found or [], float).reshape(-1, 2)
    return Matches(
        object_images=np.zeros(len(sizes), np.int64),
        object_rows=np.arange(len(sizes)),
        object_sizes=sizes[:, 0],
        object_scores=sizes[:, 1],
        images=np.zeros(len(results), np.int64),
        rows=np.arange(len(results)),
        scores=results[:, 0],
        hits=results[:, 1].astype(bool),
    )


def test_recall_by_size_by_hand() -> None:
    missed = -np.inf
    matches = _matches([(5, missed), (17, 0.9), (20, 0.3), (22, 0.5), (400, 0.7), (600, missed)])
    curve = recall_by_size(matches, 0.5)
    np.testing.assert_array_equal(curve.counts, [1, 3, 2])
    np.testing.assert_allclose(curve.recall, [0, 2 / 3, 1 / 2])
    np.testing.assert_allclose(curve.sizes, [5, (17 * 20 * 22) ** (1 / 3), np.sqrt(240_000)])


def test_reliability_by_hand() -> None:
    found = [(1.0, True), (0.92, True), (0.9, False), (0.38, True), (0.32, False), (0.05, False)]
    judged = reliability(_matches(found=found))
    assert judged.rows() == [
        ["0.0 to 0.1", "1", "0.050", "0.000"],
        ["0.3 to 0.4", "2", "0.350", "0.500"],
        ["0.8 to 0.9", "1", "0.900", "0.000"],
        ["0.9 to 1.0", "2", "0.960", "1.000"],
    ]
    # The lowest tenth is left out of the error.
    assert judged.error == pytest.approx((2 * 0.15 + 0.9 + 2 * 0.04) / 5)


def test_scores_that_say_what_they_mean_have_no_error() -> None:
    found = [(0.8, place % 5 != 0) for place in range(50)]
    assert reliability(_matches(found=found)).error == pytest.approx(0)


def test_curves_of_nothing() -> None:
    nothing = _matches()
    assert len(recall_by_size(nothing, 0.5).sizes) == 0
    assert reliability(nothing).rows() == []
    assert reliability(nothing).error is None
    assert reliability(_matches(found=[(0.05, True)])).error is None
    assert PrecisionRecall.of(nothing).at(0.5) == (None, 0.0)


def _count(objects: list[ObjectBox], *found: tuple[float, int, tuple[float, ...]]) -> np.ndarray:
    image = AnnotatedImage("image.png", 200, 200, objects=tuple(objects))
    detections = Detections(
        np.array([box for *_, box in found], float).reshape(-1, 4),
        np.array([score for score, *_ in found]),
        np.array([class_id for _, class_id, _ in found], dtype=np.int64),
    )
    return confusion([image], [detections], NAMES, 0.5)


def test_classes_by_hand() -> None:
    objects = [
        ObjectBox("galaxy", 0, 0, 10, 10),
        ObjectBox("star", 20, 0, 30, 10),
        ObjectBox("star", 40, 0, 50, 10),
        ObjectBox("galaxy", 60, 0, 70, 10),
    ]
    counts = _count(
        objects,
        (0.9, 0, (0, 0, 10, 10)),  # right
        (0.8, 0, (20, 0, 30, 9)),  # a star taken for a galaxy
        (0.7, 1, (100, 0, 110, 10)),  # nothing
        (0.4, 1, (40, 0, 50, 10)),  # right, but below the threshold
    )
    np.testing.assert_array_equal(counts, [[1, 0, 1], [1, 0, 1], [0, 1, 0]])


def test_the_better_detection_takes_the_object() -> None:
    objects = [ObjectBox("galaxy", 0, 0, 10, 10)]
    counts = _count(objects, (0.6, 1, (0, 0, 10, 10)), (0.9, 0, (0, 0, 10, 8)))
    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_difficult_objects_neither_miss_nor_mistake() -> None:
    objects = [ObjectBox("galaxy", 0, 0, 100, 100, difficult=True)]
    inside, half_out = (10.0, 10.0, 20.0, 20.0), (90.0, 10.0, 115.0, 20.0)
    counts = _count(objects, (0.9, 0, inside), (0.8, 0, half_out))
    np.testing.assert_array_equal(counts, [[0, 0, 0], [0, 0, 0], [1, 0, 0]])


def test_nothing_at_all() -> None:
    np.testing.assert_array_equal(_count([]), np.zeros((3, 3)))
