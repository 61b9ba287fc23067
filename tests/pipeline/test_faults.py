"""Runs that are killed, or find the disk full, at every change of their output folder in turn."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import galpipe
from galpipe.errors import OutputError
from galpipe.pipeline import field_work
from galpipe.pipeline.field_processing import FieldResult, process_field

from .conftest import picture, undated, write_picture

# The process must find the module by its name.
sys.path.insert(0, str(Path(__file__).parent))
import faulty_run

FORMATS = ("csv", "ds9")


def contents(out: Path) -> dict[str, bytes]:
    """Everything that must not depend on how a run went."""
    files = [*out.glob("catalogue.*"), *out.glob("regions/*"), out / "report.html"]
    files += [*out.glob("*s/**/*.png"), *out.glob("pictures/*")]
    return {path.relative_to(out).as_posix(): undated(path) for path in files}


def changed(now: dict[str, bytes], before: dict[str, bytes]) -> list[str]:
    """Names of the files that differ."""
    return sorted(name for name in {**now, **before} if now.get(name) != before.get(name))


@pytest.fixture
def arguments(tmp_path: Path, models: dict[str, Path]) -> dict[str, Any]:
    write_picture(tmp_path / "in" / "f0.png", picture(64, 64, {(16, 32): "red"}))
    (tmp_path / "in" / "f9.png").write_bytes(b"no picture")
    return {"fields": tmp_path / "in", **models, "formats": FORMATS}


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Identifiers of the fields that are processed in this process."""
    seen: list[str] = []

    def process(field: Any, *arguments: Any) -> FieldResult:
        seen.append(field.identifier)
        return process_field(field, *arguments)

    monkeypatch.setattr(field_work, "process_field", process)
    return seen


def faults(arguments: dict[str, Any], *, kill: bool, prepared: Path | None) -> Iterator[int]:
    """Run with a fault at each change in turn; yield the fields that were reported as done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["galpipe.pipeline.run", "galpipe.pipeline.engines.inline"])
    out = arguments["output"]
    for place in count():
        shutil.rmtree(out, ignore_errors=True)
        if prepared is not None:
            shutil.copytree(prepared, out)
        process = context.Process(target=faulty_run.run_with_fault, args=(place, kill, arguments))
        process.start()
        process.join()
        assert process.exitcode is not None
        if process.exitcode == faulty_run.UNDISTURBED:
            assert place > 10
            return
        assert (process.exitcode >= faulty_run.KILLED) is kill
        assert kill or process.exitcode == faulty_run.REFUSED
        yield max(process.exitcode - faulty_run.KILLED, 0)


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "disk full"])
def test_a_run_goes_on_after_a_fault_at_any_change(
    tmp_path: Path, arguments: dict[str, Any], kill: bool, processed: list[str]
) -> None:
    galpipe.run(**arguments, output=tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    arguments["output"] = out = tmp_path / "out"
    for reported in faults(arguments, kill=kill, prepared=None):
        processed.clear()
        result = galpipe.run(**arguments)
        assert changed(contents(out), expected) == []
        assert result.record.status == "complete"
        assert not list(out.rglob(".*"))
        assert len(processed) + reported <= 2


def test_a_kill_while_a_result_is_removed_leaves_none_that_is_believed(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    galpipe.run(**arguments, output=tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    arguments |= {"output": tmp_path / "out", "overwrite": True}
    for _ in faults(arguments, kill=True, prepared=tmp_path / "whole"):
        if json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "started":
            break
        with suppress(OutputError):
            galpipe.run(**arguments | {"overwrite": False})
            assert changed(contents(tmp_path / "out"), expected) == []
        galpipe.run(**arguments)
        assert changed(contents(tmp_path / "out"), expected) == []
