from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from galpipe.errors import InputError
from galpipe.files.output_folder import OutputFolder
from galpipe.pipeline.provenance import Failure, RunRecord
from galpipe.pipeline.sinks import RunSink


def record_in(folder: Path) -> dict[str, object]:
    content = json.loads((folder / "run.json").read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")]
)
def test_the_status_follows_the_exception(
    tmp_path: Path, error: type[BaseException], status: str
) -> None:
    sink = RunSink(OutputFolder(tmp_path), RunRecord("run"))

    def stop() -> None:
        assert record_in(tmp_path)["status"] == "running"
        raise error

    with pytest.raises(error), sink:
        stop()
    assert record_in(tmp_path)["status"] == status
    with RunSink(OutputFolder(tmp_path, overwrite=True), RunRecord("run")):
        pass
    assert record_in(tmp_path)["status"] == "complete"


def test_failures_are_recorded_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = RunSink(OutputFolder(tmp_path), RunRecord("run"))
    with caplog.at_level(logging.WARNING, "galpipe"), sink, sink.clock("step"):
        sink.fail(Failure.of("a", InputError("a.fits is empty.")))
        sink.fail(Failure.of("b", ZeroDivisionError("no")))
    assert [entry.getMessage() for entry in caplog.records] == [
        "a.fits is empty.",
        "b: ZeroDivisionError: no",
    ]
    record = record_in(tmp_path)
    assert [failure["expected"] for failure in record["failures"]] == [True, False]  # type: ignore[attr-defined]
    assert list(record["seconds"]) == ["step"]  # type: ignore[call-overload]
