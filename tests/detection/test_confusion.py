from __future__ import annotations

import numpy as np

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.imaging import Detections
from galpipe.metrics.confusion import confusion

NAMES = ("galaxy", "star")


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
