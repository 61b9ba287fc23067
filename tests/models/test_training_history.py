from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest

from galpipe.models.training_history import HISTORY_NAME, TrainingHistory, read_history

COLUMNS = ("step", "loss", "score")


def test_a_continued_training_replaces_the_rows_that_it_repeats(tmp_path: Path) -> None:
    history = TrainingHistory(tmp_path, COLUMNS, 0)
    for step, loss in ((10, 3.0), (20, 2.0), (30, 9.0)):
        history.add(step, {"loss": loss})
    again = TrainingHistory(tmp_path, COLUMNS, 20)
    again.add(30, {"loss": 1.0, "score": 0.5})
    lines = (tmp_path / HISTORY_NAME).read_text(encoding="utf-8").splitlines()
    assert lines == ["step,loss,score", "10,3,", "20,2,", "30,1,0.5"]
    found = read_history(tmp_path)
    assert found["step"] == [10, 20, 30]
    assert found["loss"] == [3, 2, 1]
    assert [math.isnan(value) for value in found["score"]] == [True, True, False]


@pytest.mark.parametrize("content", [b"step,loss\n1,red\n", b"\xff\xfe"])
def test_a_damaged_history_is_named_and_begins_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / HISTORY_NAME).write_bytes(content)
    with caplog.at_level(logging.WARNING, "galpipe"):
        TrainingHistory(tmp_path, COLUMNS, 5).add(6, {"loss": 1.0})
    assert HISTORY_NAME in caplog.text
    assert read_history(tmp_path)["step"][-1] == 6


def test_there_is_no_history_before_the_first_row(tmp_path: Path) -> None:
    TrainingHistory(tmp_path, COLUMNS, 0)
    assert read_history(tmp_path) == {}
