"""Which part of a refinement is used, and that a search has it applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galpipe.detection.measure import Searched
from galpipe.detection.refinement import Refinement, fit
from galpipe.detection.refinement.mlp import MLP
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.imaging import Detections, iou

BOX = np.array([[10.0, 12, 50, 44]])
WIDER = np.array([-4.0, 0, 4, 0])
ASIDE = np.array([[60.0, 60, 64, 64]])
NETWORK: Any = object()


class FakeDetector:
    """Finds nothing; what its refinement does is what is looked at."""

    class_names = ("galaxy",)
    lowest_score = 0.02


def image() -> TrainingImage:
    return TrainingImage(
        "a.png", np.zeros((64, 64, 3), np.uint8), BOX, np.zeros(1, int), np.zeros(1, bool), 0.0
    )


@pytest.fixture
def searched() -> Searched:
    found = Detections(np.vstack([ASIDE, BOX + WIDER]), np.array([0.9, 0.8]))
    return Searched([image()], [found], ("galaxy",))


def refining(tighter: bool, surer: bool) -> Any:
    """Return a `Refinement.refine` whose parts are of use, or of none."""

    def refine(look: Refinement, rgb: np.ndarray, found: Detections) -> Detections:
        own = iou(found.boxes, BOX)[:, 0] > 0
        sign = 1 if tighter else -1
        boxes = np.where(own[:, np.newaxis], found.boxes - sign * WIDER, found.boxes)
        scores = found.scores
        if look.rescoring is not None:
            scores = np.where(own == surer, 0.95, 0.1)
        refined = Detections(boxes, scores, found.class_ids, found.tiles)
        return refined.select(np.argsort(-scores))

    return refine


@pytest.mark.parametrize(
    ("tighter", "surer", "kept"),
    [
        (True, True, ["edges", "rescoring"]),
        (True, False, ["edges"]),
        (False, False, []),
    ],
)
def test_as_much_of_it_is_used_as_is_of_use(
    tighter: bool,
    surer: bool,
    kept: list[str],
    searched: Searched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "fit_edges", lambda images, found, seed: NETWORK)
    monkeypatch.setattr(fit, "fit_rescoring", lambda searched, seed: NETWORK)
    monkeypatch.setattr(Refinement, "refine", refining(tighter, surer))
    detector: Any = FakeDetector()
    validation = {"cutouts": searched}
    look, again = fit.fit_refinement(detector, [], validation, 0)
    parts = [] if look is None else [name for name in ("edges", "rescoring") if getattr(look, name)]
    assert parts == kept
    assert (again is validation) == (not kept)
    assert again["cutouts"].metrics.ap >= searched.metrics.ap
    assert fit.fit_refinement(detector, [], {}, 0) == (None, {})


def test_too_little_to_learn_from_is_no_refinement(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector: Any = FakeDetector()
    validation = {"cutouts": searched}
    assert fit.fit_refinement(detector, [], validation, 0) == (None, validation)
    monkeypatch.setattr(fit, "fit_edges", lambda images, found, seed: NETWORK)
    monkeypatch.setattr(fit, "fit_rescoring", lambda searched, seed: None)
    monkeypatch.setattr(Refinement, "refine", refining(tighter=True, surer=True))
    look, _ = fit.fit_refinement(detector, [], validation, 0)
    assert look is not None
    assert look.rescoring is None


def test_what_was_found_is_seen_again_as_in_a_search(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refinement, "refine", refining(tighter=True, surer=True))
    assert searched.metrics.ap < 1
    after = searched.refined_by(Refinement(NETWORK, MLP(())))
    np.testing.assert_array_equal(after.found[0].boxes[:1], BOX)
    assert after.found[0].scores.tolist() == [0.95, 0.1]
    assert after.metrics.ap == pytest.approx(1)
