"""Runs that are continued, extended, collected, and done by several workers."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import galpipe
from galpipe.errors import InputError, OutputError
from galpipe.files.lock import locked_folder
from galpipe.imaging import read_field
from galpipe.pipeline import Catalogue, field_work, results
from galpipe.pipeline.collect import collect
from galpipe.pipeline.detect import detect
from galpipe.pipeline.field_processing import FieldResult, process_field
from galpipe.pipeline.result_lines import read_line

from .conftest import picture, undated, write_picture

FORMATS = ("ecsv", "csv", "fits", "votable", "ds9")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Six pictures and a file that is none."""
    for number in range(6):
        squares = {(16, 32): "red", (80, 8 * number): "blue"} if number != 2 else {}
        write_picture(tmp_path / "in" / f"f{number}.png", picture(128, 128, squares))
    (tmp_path / "in" / "f9.png").write_bytes(b"no picture")
    return tmp_path / "in"


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Identifiers of the fields that are processed in this process."""
    seen: list[str] = []

    def process(field: Any, *arguments: Any) -> FieldResult:
        seen.append(field.identifier)
        return process_field(field, *arguments)

    monkeypatch.setattr(field_work, "process_field", process)
    return seen


def tables(out: Path) -> dict[str, bytes]:
    """Contents of everything that must not depend on how a run went."""
    files = [*out.glob("catalogue.*"), *out.glob("regions/*"), out / "report.html"]
    files += [*out.glob("*s/**/*.png"), *out.glob("pictures/*")]
    return {path.relative_to(out).as_posix(): undated(path) for path in files}


def interrupt_at(monkeypatch: pytest.MonkeyPatch, place: int, error: BaseException) -> None:
    """Let the processing of a field, counted from zero, end in an error."""
    count = iter(range(1000))

    def process(field: Any, *arguments: Any) -> FieldResult:
        if next(count) == place:
            raise error
        return process_field(field, *arguments)

    monkeypatch.setattr(field_work, "process_field", process)


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path,
    frames: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    processed: list[str],
) -> None:
    whole = galpipe.run(frames, tmp_path / "whole", **models, formats=FORMATS)
    processed.clear()
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            galpipe.run(frames, tmp_path / "out", **models, formats=FORMATS)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert [done["field"] for done in record["fields"]] == ["f0", "f1", "f2"]
    result = galpipe.run(frames, tmp_path / "out", **models, formats=FORMATS)
    assert processed == ["f3", "f4", "f5"]
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    assert result.record.status == "complete"
    assert result.record.started == record["started"]
    assert [failure.input for failure in result.failures] == ["f9"]
    assert result.failures == whole.failures
    galpipe.run(frames, tmp_path / "out", **models)
    assert processed == ["f3", "f4", "f5"]
    assert {path.suffix for path in (tmp_path / "out").glob("catalogue.*")} == {".ecsv", ".csv"}
    assert not (tmp_path / "out" / "regions").is_dir() or not any(
        (tmp_path / "out" / "regions").iterdir()
    )


def test_a_changed_file_is_done_again_and_more_may_be_added(
    tmp_path: Path, frames: Path, models: dict[str, Path], processed: list[str]
) -> None:
    galpipe.run(frames, tmp_path / "out", **models, formats=FORMATS)
    write_picture(frames / "f9.png", picture(128, 128, {(16, 32): "green"}))
    write_picture(frames / "f10.png", picture(128, 128, {(16, 48): "green"}))
    write_picture(frames / "f0.png", picture(128, 128, {(16, 48): "green"}))
    (frames / "f1.png").write_bytes(b"no picture any more")
    processed.clear()
    result = galpipe.run(frames, tmp_path / "out", **models, formats=FORMATS)
    assert processed == ["f0", "f10", "f9"]
    assert [failure.input for failure in result.failures] == ["f1"]
    galpipe.run(frames, tmp_path / "whole", **models, formats=FORMATS)
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_lost_part_is_done_again(
    tmp_path: Path,
    frames: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    processed: list[str],
) -> None:
    monkeypatch.setattr(field_work, "_PART_SECONDS", 0.0)
    galpipe.run(frames, tmp_path / "out", **models)
    before = tables(tmp_path / "out")
    parts = [path for path in (tmp_path / "out" / "parts").glob("*.jsonl") if len(path.stem) == 32]
    assert len(parts) == 7
    parts = [path for path in parts if "failure" not in path.read_text()]
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:-9])
    processed.clear()
    galpipe.run(frames, tmp_path / "out", **models)
    assert len(processed) == 2
    assert tables(tmp_path / "out") == before


@pytest.mark.parametrize("options", [["--engine", "processes", "--workers", "2"], []])
def test_workers_write_the_same_catalogue(
    galpipe_cli: Callable[..., Result],
    tmp_path: Path,
    frames: Path,
    models: dict[str, Path],
    options: list[str],
) -> None:
    galpipe.run(frames, tmp_path / "whole", **models, formats=FORMATS)
    chosen = [word for name in FORMATS for word in ("--format", name)]
    named = ["--detector", models["detector"], "--classifier", models["classifier"]]
    done = galpipe_cli("run", frames, "-o", tmp_path / "out", *named, *chosen, *options)
    assert done.exit_code == 1
    assert "f9.png" in done.stderr
    assert done.stderr.count("1 input failed") == 1
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_the_catalogue_is_collected_at_any_time(
    galpipe_cli: Callable[..., Result],
    tmp_path: Path,
    frames: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    interrupt_at(monkeypatch, 3, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        detect(frames, out, model=models["detector"], annotations=["voc"])
    before = tables(out)
    shutil.rmtree(out / "annotations")
    for path in out.glob("catalogue.*"):
        path.unlink()
    done = galpipe_cli("collect", out)
    assert done.exit_code == 0, done.output
    assert "in 3 fields; 4 not yet processed" in done.output
    assert tables(out) == before
    assert len(list((out / "annotations").rglob("*.xml"))) == 3
    with locked_folder(out):
        assert collect(out).record.status == "running"
    assert collect(out).record.status == "interrupted"


def test_only_a_run_can_be_collected(galpipe_cli: Callable[..., Result], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no result"):
        collect(tmp_path)
    assert galpipe_cli("collect", tmp_path / "none").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    with (
        locked_folder(tmp_path / "out"),
        pytest.raises(OutputError, match=r"process \d+ on .* is writing to this folder"),
    ):
        galpipe.run(good_picture, tmp_path / "out", **models)


def test_what_a_kill_at_the_first_write_leaves_locks_no_folder(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    (out / "parts").mkdir(parents=True)
    (out / ".galpipe-0123abcd.run.json").write_text("{")
    (out / ".galpipe.lock").write_text("{")
    (out / "parts" / ".galpipe-0123abcd.plan.json").write_text("{")
    result = galpipe.run(good_picture, out, **models)
    assert len(result.catalogue)
    assert not list(out.rglob(".*"))


def test_results_do_not_collect_in_memory(
    tmp_path: Path, models: dict[str, Path], good_picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = read_field(good_picture)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = [0]

    def read(content: dict[str, Any]) -> Any:
        alive.add(found := read_line(content))
        most[0] = max(most[0], len(alive))
        return found

    one = process_field(field, galpipe.FieldModels(models["detector"], None))
    monkeypatch.setattr(field_work, "split_source", lambda source: [source])
    monkeypatch.setattr(field_work, "process_field", lambda *_: one)
    monkeypatch.setattr(field_work, "write_pictures", lambda _, result: result.record)
    monkeypatch.setattr(results, "_ROWS", 20)
    monkeypatch.setattr(results, "read_line", read)
    for number in range(200):
        (good_picture.parent / f"{number}.png").touch()
    result = detect(good_picture.parent, tmp_path / "out", model=models["detector"])
    assert result.tally.fields == 201
    assert result.tally.rows == 201 * len(one.rows["x"])
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.csv")) == result.tally.rows
    assert most[0] <= 2 + 20 // len(one.rows["x"])
