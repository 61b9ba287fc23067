from __future__ import annotations

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.imaging import Detections
from galpipe.imaging.draw import PALETTE
from galpipe.metrics.detector_metrics import evaluate_detections
from galpipe.metrics.error_analysis import (
    draw_examples,
    ordinary_boxes,
    worst_false_boxes,
    worst_misses,
)

WRONG = PALETTE[7]


@pytest.fixture
def truth() -> list[AnnotatedImage]:
    boxes = [(0, 0, 10, 10), (20, 20, 60, 60), (100, 100, 120, 120)]
    objects = [ObjectBox("galaxy", *box) for box in boxes]
    objects.append(ObjectBox("galaxy", 150, 150, 190, 190, difficult=True))
    return [
        AnnotatedImage("one.png", 200, 200, objects=tuple(objects)),
        AnnotatedImage("two.png", 200, 200, objects=(ObjectBox("galaxy", 5, 5, 25, 25),)),
    ]


@pytest.fixture
def found() -> list[Detections]:
    """One object found, one only below the threshold, two not; two false boxes."""
    first = [(100, 100, 120, 120), (20, 20, 60, 35), (150, 150, 190, 190), (0, 180, 10, 190)]
    return [
        Detections(np.array(first, float), np.array([0.3, 0.6, 0.95, 0.4])),
        Detections(np.array([(5, 5, 25, 25), (150, 0, 170, 20)], float), np.array([0.9, 0.8])),
    ]


@pytest.mark.tensorflow
def test_the_worst_come_first(truth: list[AnnotatedImage], found: list[Detections]) -> None:
    matches = evaluate_detections(truth, found).matches
    misses = worst_misses(matches, truth, found, 0.5, 10)
    # Not found at all, the larger first, then the one whose box scores too low.
    assert [one.size for one in misses] == [40, 10, 20]
    assert [one.score for one in misses] == [None, None, 0.3]
    assert misses[0].overlap == pytest.approx(15 / 40)
    assert misses[0].to_json()["box"] == [20, 20, 60, 60]
    false = worst_false_boxes(matches, truth, found, ["galaxy"], 0.5, 10)
    assert [(one.name, one.score) for one in false] == [("two.png", 0.8), ("one.png", 0.6)]
    assert [one.overlap for one in false] == [0, pytest.approx(15 / 40)]
    assert len(worst_misses(matches, truth, found, 0.5, 1)) == 1
    assert worst_misses(matches, truth, found, 0.0, 10)[-1].score is None


@pytest.mark.tensorflow
@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_the_sheet_shows_the_mistake_where_it_is(
    truth: list[AnnotatedImage], found: list[Detections], origin: str
) -> None:
    """The upper half of the array is bright; the top of the sky is where the origin says."""
    matches = evaluate_detections(truth, found).matches
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[:100] = 90
    misses = worst_misses(matches, truth, found, 0.5, 10)[2:]
    sheet = draw_examples(misses, truth, found, 0.5, lambda place: (rgb, origin))  # type: ignore[arg-type, return-value]
    rows = np.flatnonzero((sheet == WRONG).all(axis=2).sum(axis=1) > 50)
    # The two sides of the drawn box, three pixels outside 20 of the 60 pixels of the crop; the
    # crop of 240 pixels stands under the legend.
    assert rows[-1] - rows[0] == pytest.approx(80 + 6, abs=2)
    grey = sheet[:, 20].mean(axis=1)
    bright = np.flatnonzero(grey > 60)
    assert (bright.mean() < rows.mean()) == (origin == "upper")


@pytest.mark.tensorflow
def test_ordinary_boxes_are_correct_ones_from_the_best_to_the_least_sure() -> None:
    corners = [(40 * place, 0, 40 * place + 30, 30) for place in range(5)]
    objects = tuple(ObjectBox("galaxy", *box) for box in corners[:4])
    truth = [AnnotatedImage("one.png", 200, 200, objects=objects)]
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.95])
    found = [Detections(np.array(corners, float), scores)]
    matches = evaluate_detections(truth, found).matches

    def ordinary(most: int, threshold: float = 0.5) -> list[float | None]:
        some = ordinary_boxes(matches, truth, found, ["galaxy"], threshold, most)
        assert all(one.correct and one.overlap == 1 for one in some)
        return [one.score for one in some]

    assert ordinary(10) == [0.9, 0.8, 0.7]
    assert ordinary(1) == [0.8]
    assert ordinary(10, threshold=0.99) == []
    some = ordinary_boxes(matches, truth, found, ["galaxy"], 0.5, 1)
    black = np.zeros((200, 200, 3), np.uint8)
    sheet = draw_examples(some, truth, found, 0.5, lambda place: (black, "upper"))
    assert not (sheet == WRONG).all(axis=2).any()
