from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("keras")

from galpipe.classification.training.history import COLUMNS, History


def _logs(loss: float) -> dict[str, float]:
    return {
        "loss": loss,
        "allowed_set_accuracy": 0.5,
        "val_loss": loss + 1,
        "val_allowed_set_accuracy": 0.25,
    }


def test_a_continued_training_replaces_the_epochs_that_it_repeats(tmp_path: Path) -> None:
    for epoch, loss in enumerate((3.0, 2.0, 9.0)):
        History(tmp_path).on_epoch_end(epoch, _logs(loss))
    History(tmp_path).on_epoch_end(2, _logs(1.0))
    assert (tmp_path / "history.csv").read_text(encoding="utf-8").splitlines() == [
        ",".join(COLUMNS),
        "1,3,0.5,4,0.25",
        "2,2,0.5,3,0.25",
        "3,1,0.5,2,0.25",
    ]
