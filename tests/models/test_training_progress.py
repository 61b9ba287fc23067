from __future__ import annotations

import math

import pytest

from galpipe.models.training_progress import RunningLoss, StepDisplay


class Shown:
    """A task that keeps the latest of each report."""

    def __init__(self) -> None:
        self.latest: dict[str, object] = {}

    def update(self, **changes: object) -> None:
        self.latest |= {name: value for name, value in changes.items() if value is not None}


def test_a_constant_loss_is_its_own_mean_from_the_first_step() -> None:
    loss = RunningLoss()
    for _ in range(3):
        loss.add(2.5)
        assert loss.value == pytest.approx(2.5)


def test_the_mean_continues_from_its_state() -> None:
    whole, first, later = RunningLoss(), RunningLoss(), RunningLoss()
    for value in range(50):
        whole.add(value)
        (first if value < 20 else later).add(value)
        if value == 19:
            later.state = first.state
    assert later.value == whole.value
    assert 25 < whole.value < 49


def test_the_mean_begins_anew_after_a_loss_that_is_not_finite() -> None:
    loss = RunningLoss()
    loss.add(1.0)
    loss.add(math.nan)
    assert math.isnan(loss.value or 0.0)
    loss.add(3.0)
    assert loss.value == pytest.approx(3.0)


def test_nothing_is_said_of_a_loss_before_there_is_one() -> None:
    task, loss = Shown(), RunningLoss()
    display = StepDisplay(task, loss, done=40)
    assert task.latest == {"completed": 40, "status": ""}
    display.step(41, 2.0, "cnn, epoch 2/3")
    assert task.latest == {"completed": 41, "status": "loss 2.000", "description": "cnn, epoch 2/3"}
    display.validated({"loss": 1.5, "accuracy": 0.75})
    display.step(42, 2.0)
    assert task.latest["status"] == "loss 2.000, validation loss 1.500, accuracy 0.750"


def test_a_continued_training_shows_the_loss_of_before() -> None:
    task, loss = Shown(), RunningLoss()
    loss.add(1.25)
    StepDisplay(task, loss, done=10)
    assert task.latest == {"completed": 10, "status": "loss 1.250"}
