from __future__ import annotations

import json

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.detection.evaluate import DetectionMetrics, evaluate_detections
from galpipe.errors import InputError
from galpipe.imaging import Detections

Box = tuple[float, float, float, float]


def _image(*boxes: Box, difficult: tuple[Box, ...] = (), label: str = "galaxy") -> AnnotatedImage:
    objects = [ObjectBox(label, *box) for box in boxes]
    objects += [ObjectBox(label, *box, difficult=True) for box in difficult]
    return AnnotatedImage("image.png", 1000, 1000, objects=tuple(objects))


def _found(*scored: tuple[float, Box]) -> Detections:
    boxes = np.array([box for _, box in scored], float).reshape(-1, 4)
    scores = np.array([score for score, _ in scored], float)
    count = len(scores)
    return Detections(boxes, scores, np.zeros(count, np.int64), np.full(count, -1))


@pytest.fixture
def worked_example() -> DetectionMetrics:
    """Score three galaxies and a difficult one: two found exactly, one at IoU 0.62, one false box.

    By score: hit, (difficult: ignored), false, the loose hit, hit.
    """
    truth = [
        _image((0, 0, 10, 10), (20, 20, 40, 40), difficult=((50, 50, 60, 60),)),
        _image((0, 0, 20, 20)),
    ]
    found = [
        _found(
            (0.9, (0, 0, 10, 10)),
            (0.8, (50, 50, 60, 60)),
            (0.7, (70, 70, 80, 80)),
            (0.6, (20, 20, 40, 32.4)),
        ),
        _found((0.5, (0, 0, 20, 20))),
    ]
    return evaluate_detections(truth, found)


def test_counts(worked_example: DetectionMetrics) -> None:
    assert (worked_example.images, worked_example.galaxies, worked_example.difficult) == (2, 3, 1)


def test_average_precision_by_hand(worked_example: DetectionMetrics) -> None:
    # Precision 1 up to a recall of 1/3, then 3/4, at COCO's 101 recalls.
    assert worked_example.map50 == pytest.approx((34 + 67 * 0.75) / 101)
    # From IoU 0.65 on the loose hit is false: precision 1 up to 1/3, 1/2 up to 2/3, then nothing.
    strict = (34 + 33 * 0.5) / 101
    assert worked_example.ap == pytest.approx((3 * worked_example.map50 + 7 * strict) / 10)


def test_average_recall_and_its_ceiling_by_hand(worked_example: DetectionMetrics) -> None:
    assert worked_example.ar1 == pytest.approx(2 / 3)
    assert worked_example.ar1_ceiling == pytest.approx(2 / 3)
    assert worked_example.ar_max == pytest.approx((3 * 1 + 7 * 2 / 3) / 10)
    assert worked_example.recall50 == pytest.approx(1)


def test_the_curve_by_hand(worked_example: DetectionMetrics) -> None:
    curve = worked_example.curve
    np.testing.assert_allclose(curve.scores, [0.9, 0.7, 0.6, 0.5])
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(curve.recall, [1 / 3, 1 / 3, 2 / 3, 1])
    assert curve.f1(0.5) == pytest.approx(6 / 7)
    assert curve.f1(0.95) == 0
    assert curve.at(0.65) == pytest.approx((1 / 2, 1 / 3))
    assert curve.at(0.95) == (1.0, 0.0)
    assert worked_example.recall_at_90_precision == pytest.approx(1 / 3)


def test_more_than_a_hundred_galaxies_an_image_are_all_counted() -> None:
    boxes = [
        (20.0 * (i % 40), 20.0 * (i // 40), 20.0 * (i % 40) + 12, 20.0 * (i // 40) + 12)
        for i in range(150)
    ]
    metrics = evaluate_detections([_image(*boxes)], [_found(*((0.9, box) for box in boxes))])
    assert metrics.map50 == pytest.approx(1)
    assert metrics.ar_max == pytest.approx(1)
    assert metrics.ar1_ceiling == pytest.approx(1 / 150)
    assert metrics.largest_count > 150


def test_a_small_box_inside_a_difficult_one_is_neither_right_nor_wrong() -> None:
    truth = [_image((0, 0, 10, 10), difficult=((50, 50, 150, 150),))]
    found = [_found((0.9, (60, 60, 70, 70)), (0.8, (0, 0, 10, 10)))]
    assert evaluate_detections(truth, found).map50 == pytest.approx(1)


def test_finding_nothing_scores_nothing() -> None:
    metrics = evaluate_detections([_image((0, 0, 10, 10))], [Detections.empty()])
    assert (metrics.map50, metrics.recall50) == (0, 0)
    assert metrics.curve.at(0.5) == (1.0, 0.0)


def test_images_without_galaxies_count_their_false_boxes() -> None:
    truth = [_image((0, 0, 10, 10)), _image()]
    found = [_found((0.5, (0, 0, 10, 10))), _found((0.9, (0, 0, 10, 10)))]
    metrics = evaluate_detections(truth, found)
    assert metrics.map50 == pytest.approx(0.5)
    assert metrics.ar1_ceiling == 1


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(InputError, match="star"):
        evaluate_detections([_image((0, 0, 10, 10), label="star")], [Detections.empty()])


def test_reports(worked_example: DetectionMetrics) -> None:
    figures = json.loads(json.dumps(worked_example.to_json()))
    assert figures["map50"] == pytest.approx(worked_example.map50, abs=1e-4)
    assert "curve" not in figures
    text = worked_example.to_markdown()
    assert "| AR@1 | 0.667 (at most 0.667) |" in text
    assert "3 (and 1 difficult ones, ignored)" in text
