"""Which weights of a training are kept, and when it stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorData, DetectorTraining
from galpipe.detection.training import validation
from galpipe.detection.training.dataset import TrainingSource
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.detection.training.validation import Validator

pytestmark = pytest.mark.tensorflow

tf = pytest.importorskip("tensorflow", exc_type=ImportError)

Labelled = Callable[..., TrainingImage]
Start = Callable[..., Validator]


class Part(tf.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(0.0)


@pytest.fixture
def model() -> Any:
    return SimpleNamespace(backbone=Part(), decoder=Part(), head=Part())


@pytest.fixture
def start(model: Any, labelled: Labelled, tmp_path: Path) -> Start:
    """Start validating a model whose weight is the step; the images of each kind are counted."""
    cutouts = [labelled(f"c{i}", 64, 64, (32, 32, 20)) for i in range(3)]
    frames = [labelled(f"f{i}", 700, 700) for i in range(4)]

    def validator(step: int = 0, images: bool = True, **changes: Any) -> Validator:
        config = DetectorTraining.model_validate(
            {
                "data": [],
                "input_size": 64,
                "anchors": {"max_level": 4},
                "steps": 100,
                "validate_every": 10,
            }
            | changes
        )
        sources = [
            TrainingSource(DetectorData(images=Path(), annotations=Path(), kind=kind), [], held, [])
            for kind, held in (("cutouts", cutouts), ("fields", frames))
        ]
        return Validator(model, config, sources if images else [], tmp_path, step)

    return validator


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the measurements of both kinds give these figures, in turn."""

    def give(*values: float) -> None:
        coming: Iterator[float] = iter(np.repeat(values, 2).tolist())

        def measured(*_: Any) -> Any:
            value = next(coming)
            return SimpleNamespace(metrics=SimpleNamespace(ap=value, map50=value + 0.1))

        monkeypatch.setattr(validation.SearchedImages, "search", measured)

    return give


def _at(validator: Validator, model: Any, step: int) -> None:
    model.head.weight.assign(step)
    validator.validate(step)


def test_the_best_weights_are_kept(
    start: Start, model: Any, scores: Callable[..., None], tmp_path: Path
) -> None:
    validator = start()
    scores(0.2, 0.5, 0.5, 0.3)
    for step in (10, 20, 30, 40):
        _at(validator, model, step)
    assert validator.best is not None
    assert validator.best.step == 20
    assert validator.best.map50 == {"cutouts": 0.6, "fields": 0.6}
    validator.use_best()
    assert float(model.head.weight) == 20
    record = json.loads((tmp_path / "validation.json").read_text())
    assert [entry["score"] for entry in record] == [0.2, 0.5, 0.5, 0.3]
    # Started again, it knows what was measured up to the step that it goes on from.
    again = start(step=30)
    assert [entry.step for entry in again.history] == [10, 20, 30]
    assert again.best == validator.best


def test_a_kill_between_weights_and_record_leaves_the_recorded_best(
    start: Start, model: Any, scores: Callable[..., None], tmp_path: Path
) -> None:
    validator = start()
    scores(0.5, 0.6)
    _at(validator, model, 10)
    record = (tmp_path / "validation.json").read_text()
    _at(validator, model, 20)
    (tmp_path / "validation.json").write_text(record)
    start(step=10).use_best()
    assert float(model.head.weight) == 10


def test_patience_counts_measurements_since_the_best(
    start: Start, model: Any, scores: Callable[..., None]
) -> None:
    validator = start(patience=2)
    scores(0.5, 0.4, 0.6, 0.6, 0.1)
    ends = []
    for step in (10, 20, 30, 40, 50):
        _at(validator, model, step)
        ends.append(validator.out_of_patience)
    assert ends == [False, False, False, False, True]


def test_the_last_step_is_measured_whatever_the_interval(start: Start) -> None:
    validator = start(steps=25)
    assert [step for step in range(1, 26) if validator.is_due(step)] == [10, 20, 25]


@pytest.mark.parametrize("without", [{"images": False}, {"validate_every": None}])
def test_without_measurements_the_last_weights_are_kept(
    start: Start, model: Any, without: dict[str, Any]
) -> None:
    validator = start(**without)
    _at(validator, model, 10)
    _at(validator, model, 100)
    assert validator.best is None
    assert not validator.out_of_patience
    model.head.weight.assign(0)
    validator.use_best()
    assert float(model.head.weight) == 100


def test_large_validation_sets_are_measured_in_part(start: Start) -> None:
    validator = start()
    assert [image.name for image in validator._images["cutouts"]] != []
    assert len(validator._images["cutouts"]) == 3
    # A frame of 700 pixels has more than 300 tiles of 64.
    assert len(validator._images["fields"]) == 1
