from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galpipe.detection import tighten
from galpipe.detection.measure import Searched
from galpipe.detection.views import LabelledImage
from galpipe.imaging import Detections

BOX = np.array([[10.0, 12, 50, 44]])
WIDER = np.array([-4.0, 0, 4, 0])


class Moving:
    def __init__(self, by: float) -> None:
        self.by = by

    def refine(self, rgb: np.ndarray, found: Detections) -> Detections:
        return found.with_boxes(found.boxes - self.by / 4 * WIDER)


@pytest.fixture
def searched() -> Searched:
    image = LabelledImage(
        "a.png", np.zeros((64, 64, 3), np.uint8), BOX, np.zeros(1, int), np.zeros(1, bool), 0.0
    )
    found = Detections(BOX + WIDER, np.ones(1), np.zeros(1, int), np.zeros(1, int))
    return Searched([image], [found], ("galaxy",))


@pytest.mark.parametrize(("by", "kept"), [(4.0, True), (0.0, False), (-4.0, False)])
def test_a_second_look_is_kept_where_boxes_become_tighter(
    by: float, kept: bool, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    look: Any = Moving(by)
    monkeypatch.setattr(tighten, "fit_second_look", lambda images, found, seed: look)
    detector: Any = None
    found = tighten.find_second_look(detector, [], {"cutouts": searched}, 0)
    assert found is (look if kept else None)
    assert tighten.find_second_look(detector, [], {}, 0) is None


def test_what_was_found_is_tightened_as_in_a_search(searched: Searched) -> None:
    look: Any = Moving(4)
    assert searched.metrics.map50 == pytest.approx(1)
    assert searched.metrics.ap < 1
    after = searched.tightened(look)
    np.testing.assert_array_equal(after.found[0].boxes, BOX)
    assert after.metrics.ap == pytest.approx(1)
