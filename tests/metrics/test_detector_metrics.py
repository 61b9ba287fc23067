from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.annotation import ANY_CLASS
from galpipe.errors import InputError
from galpipe.imaging import Detections
from galpipe.metrics.detector_metrics import (
    DetectionMetrics,
    evaluate_detections,
    without_classes,
)

pytestmark = pytest.mark.tensorflow  # pycocotools comes with the train extra

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
    assert curve.at(0.95) == (None, 0.0)
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


def test_figures_by_size_by_hand() -> None:
    """A small galaxy found, another missed, a large one found loosely, and a small false box."""
    truth = [_image((0, 0, 10, 10), (20, 20, 30, 30), (100, 100, 200, 200))]
    found = [
        _found((0.9, (100, 100, 200, 160)), (0.8, (0, 0, 10, 10)), (0.7, (300, 300, 310, 310)))
    ]
    sizes = {size.name: size for size in evaluate_detections(truth, found).by_size}
    small, large = sizes["COCO small"], sizes["COCO large"]
    assert (small.galaxies, small.recall50) == (2, 0.5)
    # The false box comes after the hit, so precision is 1 up to a recall of 1/2, then nothing.
    assert small.map50 == pytest.approx(51 / 101)
    assert small.ap == pytest.approx(51 / 101)
    # At IoU 0.6: right at 0.5, 0.55 and 0.6.
    assert large.ap == pytest.approx(0.3)
    assert large.map50 == pytest.approx(1)
    assert sizes["under 16 px"].galaxies == 2
    assert sizes["64 to 128 px"].recall50 == 1
    middle = sizes["32 to 64 px"]
    assert (middle.galaxies, middle.map50, middle.ap, middle.recall50) == (0, None, None, None)


def test_average_recall_on_images_of_one_galaxy() -> None:
    truth = [
        _image((0, 0, 10, 10)),
        _image((0, 0, 10, 10), difficult=((50, 50, 60, 60),)),
        _image((0, 0, 10, 10), (20, 20, 30, 30)),
    ]
    # The best box of the second lies on what is difficult: the one box that it may give is spent.
    found = [
        _found((0.9, (0, 0, 10, 10))),
        _found((0.9, (50, 50, 60, 60)), (0.8, (0, 0, 10, 10))),
        _found(),
    ]
    metrics = evaluate_detections(truth, found)
    assert metrics.single_images == 2
    assert metrics.ar1_single == pytest.approx(0.5)
    assert metrics.ar1 == pytest.approx(1 / 4)
    assert metrics.ar10 == pytest.approx(2 / 4)
    assert metrics.ar1_ceiling == pytest.approx(3 / 4)
    assert metrics.ar10_ceiling == 1
    crowd = evaluate_detections(truth[2:], found[2:])
    assert (crowd.single_images, crowd.ar1_single) == (0, None)


def test_the_ceiling_of_several_classes_is_that_of_each() -> None:
    """COCO lets each image give one detection of every class."""
    objects = [ObjectBox("galaxy", 0, 0, 10, 10), ObjectBox("star", 20, 20, 25, 25)]
    objects.append(ObjectBox("star", 40, 40, 45, 45))
    truth = [AnnotatedImage("both.png", 100, 100, objects=tuple(objects))]
    boxes = np.array([box.edges for box in objects])
    found = [Detections(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1]))]
    metrics = evaluate_detections(truth, found, ["galaxy", "star"])
    assert metrics.ar1 == pytest.approx(3 / 4)
    assert metrics.ar1_ceiling == pytest.approx(3 / 4)


def test_figures_by_class_by_hand() -> None:
    galaxy, star = (0, 0, 10, 10), (20, 20, 30, 30)
    truth = [AnnotatedImage("a.png", 100, 100, 3, (ObjectBox("galaxy", *galaxy),))]
    boxes = Detections(np.array([galaxy, star]), np.array([0.6, 0.9]), np.array([0, 1]))
    classes = ["galaxy", "star"]

    # Nobody marked stars: whether the box of one is right is not known.
    unmarked = evaluate_detections(truth, [boxes], classes)
    assert [(one.name, one.objects) for one in unmarked.by_class] == [("galaxy", 1), ("star", 0)]
    assert [one.map50 for one in unmarked.by_class] == [pytest.approx(1), None]
    assert unmarked.map50 == pytest.approx(1)
    assert unmarked.at(0.5).precision == 1
    assert unmarked.at(0.5).false_per_megapixel == 0

    marked = [replace(truth[0], objects=(*truth[0].objects, ObjectBox("star", 60, 60, 80, 80)))]
    missed = evaluate_detections(marked, [boxes], classes)
    assert [one.recall50 for one in missed.by_class] == [pytest.approx(1), pytest.approx(0)]
    assert missed.map50 == pytest.approx(0.5)
    assert missed.at(0.5).precision == 0.5
    assert missed.rows()[1] == ("objects", "2 (and 0 difficult ones, ignored)")
    assert missed.to_json()["by_class"][1]["name"] == "star"

    empty = evaluate_detections([replace(truth[0], objects=())], [boxes], classes)
    assert empty.at(0.5).false_per_megapixel == pytest.approx(200)


def test_false_boxes_per_megapixel(worked_example: DetectionMetrics) -> None:
    at = worked_example.at(0.5)
    assert at.false_per_megapixel == pytest.approx(1 / 2)
    assert (at.precision, at.recall) == pytest.approx((3 / 4, 1))
    assert worked_example.at(0.75).false_per_megapixel == 0
    unknown = AnnotatedImage("image.png", 0, 0, objects=(ObjectBox("galaxy", 0, 0, 10, 10),))
    metrics = evaluate_detections([unknown], [Detections.empty()])
    assert metrics.megapixels is None
    assert metrics.at(0.5).false_per_megapixel is None


def test_what_became_of_each(worked_example: DetectionMetrics) -> None:
    matches = worked_example.matches
    np.testing.assert_array_equal(matches.object_images, [0, 0, 1])
    np.testing.assert_array_equal(matches.object_rows, [0, 1, 0])
    np.testing.assert_allclose(matches.object_sizes, [10, 20, 20])
    np.testing.assert_allclose(matches.object_scores, [0.9, 0.6, 0.5])
    np.testing.assert_array_equal(matches.images, [0, 0, 0, 1])
    np.testing.assert_array_equal(matches.rows, [0, 2, 3, 0])
    np.testing.assert_array_equal(matches.hits, [True, False, True, True])


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_pycocotools(seed: int) -> None:
    """Run pycocotools in its own way, with its own settings and summary."""
    names = ["galaxy", "star"]
    truth, found = _random_set(seed, names)
    metrics = evaluate_detections(truth, found, names)
    stats = _summary_of_pycocotools(truth, found, names)
    sizes = [size.ap for size in metrics.by_size[:3]]
    figures = [metrics.ap, metrics.map50, *sizes, metrics.ar1, metrics.ar10, metrics.ar100]
    np.testing.assert_allclose(figures, stats[[0, 1, 3, 4, 5, 6, 7, 8]], atol=1e-12)
    assert metrics.largest_count == 100


def _random_set(seed: int, names: list[str]) -> tuple[list[AnnotatedImage], list[Detections]]:
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for number in range(12):
        count = int(rng.integers(0, 16))
        corners = rng.uniform(0, 400, (count, 2))
        boxes = np.hstack([corners, corners + rng.uniform(8, 150, (count, 2))])
        labels = rng.integers(0, 2, count)
        objects = tuple(
            ObjectBox(names[label], *box, difficult=bool(rng.random() < 0.2))
            for label, box in zip(labels, boxes.tolist(), strict=True)
        )
        truth.append(AnnotatedImage(f"{number}.png", 600, 600, objects=objects))
        moved = boxes + rng.normal(0, 4, boxes.shape)
        extra = rng.uniform(0, 400, (5, 2))
        guesses = np.vstack([moved, np.hstack([extra, extra + rng.uniform(8, 150, (5, 2))])])
        classes = np.concatenate([labels, rng.integers(0, 2, 5)])
        kept = rng.random(len(guesses)) < 0.8
        found.append(Detections(guesses[kept], rng.random(kept.sum()), classes[kept]))
    return truth, found


def _summary_of_pycocotools(
    truth: list[AnnotatedImage], found: list[Detections], names: list[str]
) -> np.ndarray:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def sides(edges: Any) -> list[float]:
        xmin, ymin, xmax, ymax = map(float, edges)
        return [xmin, ymin, xmax - xmin, ymax - ymin]

    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(len(truth))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        "annotations": [
            {
                "image_id": number,
                "category_id": names.index(box.label) + 1,
                "bbox": sides(box.edges),
                "area": box.width * box.height,
                "iscrowd": int(box.difficult),
            }
            for number, image in enumerate(truth)
            for box in image.objects
        ],
    }
    for number, annotation in enumerate(coco.dataset["annotations"], 1):
        annotation["id"] = number
    coco.createIndex()
    results = [
        {"image_id": number, "category_id": int(label) + 1, "bbox": sides(box), "score": score}
        for number, one in enumerate(found)
        for box, label, score in zip(one.boxes, one.class_ids, one.scores.tolist(), strict=True)
    ]
    evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return np.asarray(evaluation.stats)


def test_finding_nothing_scores_nothing() -> None:
    metrics = evaluate_detections([_image((0, 0, 10, 10))], [Detections.empty()])
    assert (metrics.map50, metrics.recall50) == (0, 0)
    assert metrics.curve.at(0.5) == (None, 0.0)
    assert metrics.at(0.5).to_json()["precision"] is None


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
    assert not {"curve", "matches"} & set(figures)
    text = worked_example.to_markdown()
    assert "| AR@1 | 0.667 (at most 0.667) |" in text
    assert "3 (and 1 difficult ones, ignored)" in text


def test_boxes_of_any_class_are_ignored_for_every_class() -> None:
    truth = AnnotatedImage(
        "a.png",
        100,
        100,
        objects=(
            ObjectBox("galaxy", 0, 0, 20, 20),
            ObjectBox("star", 70, 70, 80, 80),
            ObjectBox(ANY_CLASS, 40, 40, 60, 60, difficult=True),
        ),
    )
    boxes = np.array([[0, 0, 20, 20], [40, 40, 60, 60], [40, 40, 60, 60], [70, 70, 80, 80.0]])
    found = Detections(boxes, np.array([0.9, 0.95, 0.95, 0.9]), np.array([0, 0, 1, 1]))
    metrics = evaluate_detections([truth], [found], ("galaxy", "star"))
    assert (metrics.map50, metrics.galaxies, metrics.difficult) == (pytest.approx(1), 2, 1)
    assert metrics.matches.hits.tolist() == [True, True]


def test_boxes_are_compared_whatever_their_classes() -> None:
    truth = AnnotatedImage("a.png", 99, 99, objects=(ObjectBox("spiral", 0, 0, 20, 20),))
    found = Detections(np.array([[0, 0, 20, 20.0]]), np.array([0.9]), np.array([7]))
    class_names, images, detections = without_classes([truth], [found])
    assert evaluate_detections(images, detections, class_names).map50 == pytest.approx(1)
