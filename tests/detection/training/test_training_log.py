from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.training.trainer import Losses
from galpipe.detection.training.training_log import Speed, TrainingLog
from galpipe.detection.training.validation import Validation
from galpipe.models.training_progress import RunningLoss

pytestmark = pytest.mark.tensorflow

pytest.importorskip("tensorflow", exc_type=ImportError)

LOSSES = Losses(total=3.0, classes=1.0, boxes=0.03, weights=0.5)


def _config() -> DetectorTraining:
    return DetectorTraining.model_validate({"data": [], "batch_size": 4, "steps": 20})


def test_speed_in_words() -> None:
    assert Speed(4).images_per_second == 0
    assert Speed(4).input_wait == 0
    assert str(Speed(4, steps=10, seconds=8.0, waiting=0.2)) == (
        "5.0 images/s, waiting for input 2.5%"
    )


def test_a_training_is_told_and_written_for_tensorboard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "galpipe")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with TrainingLog(_config(), tmp_path, 0, RunningLoss()) as log:
        # The first step, which makes the graph, does not count.
        log.step(1, LOSSES, seconds=60.0, waiting=30.0)
        for step in range(2, 21):
            log.step(step, LOSSES, seconds=0.5, waiting=0.01)
        log.validation(Validation(20, 0.6, {"fields": 0.9}, {"fields": 0.6}), is_best=True)
        log.checkpoint(20)
    assert log.speed.images_per_second == pytest.approx(8.0)
    assert log.speed.input_wait == pytest.approx(0.02)
    said = caplog.text
    assert "validation fields mAP@0.5 0.900, AP@[.5:.95] 0.600, the best so far" in said
    assert "loss 3.0000, 8.0 images/s, waiting for input 2.0%, checkpoint written" in said

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["tensors"])
    assert {"loss/total", "loss/boxes", "learning_rate", "validation/ap_fields"} <= tags
    assert {"speed/images_per_second", "speed/input_wait"} <= tags
    assert [event.step for event in events.Tensors("loss/total")] == [10, 20]


def test_all_workers_but_one_are_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "galpipe")
    with TrainingLog(_config(), tmp_path, 0, RunningLoss(), quiet=True) as log:
        log.step(10, LOSSES, seconds=0.5, waiting=0.0)
        log.record(10, None)
        log.checkpoint(10)
    assert caplog.text == ""
    assert not list(tmp_path.iterdir())
