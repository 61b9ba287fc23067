"""Runs of the same settings over different fields, joined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import galpipe
from galpipe.errors import InputError, OutputError
from galpipe.pipeline.collect import collect
from galpipe.pipeline.join_runs import join_runs

from .conftest import picture, undated, write_picture


def contents(out: Path) -> dict[str, bytes]:
    files = [*out.glob("catalogue.*"), out / "report.html", out / "config.yaml"]
    files += [*out.glob("*s/**/*.png"), *out.glob("pictures/*")]
    return {path.relative_to(out).as_posix(): undated(path) for path in files}


@pytest.fixture
def fields(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(4):
        squares = {(16, 32): "red", (80, 8 * number): "blue"}
        path = tmp_path / "in" / f"f{number}.png"
        made.append(write_picture(path, picture(128, 128, squares)))
    made[2].write_bytes(b"no picture")
    return made


def test_the_whole_is_that_of_one_run(
    tmp_path: Path,
    models: dict[str, Path],
    fields: list[Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    missing = tmp_path / "missing.png"
    galpipe.run([*fields, missing], tmp_path / "whole", **models)
    galpipe.run(fields[:2], tmp_path / "part-0", **models)
    # One of the fields is in both.
    galpipe.run([*fields[1:], missing], tmp_path / "part-1", **models)
    done = galpipe_cli("collect", tmp_path / "part-0", tmp_path / "part-1", "-o", tmp_path / "out")
    assert done.exit_code == 1, done.output
    assert "2 inputs failed" in done.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert collect(tmp_path / "out").record.status == "complete"
    # Nothing is left to do for a run over all fields, and the whole can be made again.
    again = galpipe.run([*fields, missing], tmp_path / "out", **models)
    assert len(again.record.fields) == 3
    join_runs([tmp_path / "part-0", tmp_path / "part-1"], tmp_path / "out")
    collect(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_cannot_be_joined(
    tmp_path: Path,
    models: dict[str, Path],
    fields: list[Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    galpipe.run(fields[0], one, **models, crops=None, overlays=False)
    galpipe.run(fields[1], two, **models, crops=None)
    with pytest.raises(InputError, match="overlays was false, now true"):
        join_runs([one, two], tmp_path / "out")
    same = write_picture(tmp_path / "more" / "F0.png", picture(128, 128, {(16, 32): "green"}))
    galpipe.run(same, other, **models, crops=None, overlays=False)
    with pytest.raises(InputError, match=f"F0 has the name of another one in {one}"):
        join_runs([one, other], tmp_path / "out")
    with pytest.raises(OutputError, match="is one of the runs"):
        join_runs([one], one)
    with pytest.raises(InputError, match="holds no result"):
        join_runs([one, tmp_path / "none"], tmp_path / "out")
    done = galpipe_cli("collect", one, two, "-o", "s3://bucket/whole")
    assert done.exit_code == 2
    assert "object stores are not joined" in done.stderr
    done = galpipe_cli("collect", one, two)
    assert done.exit_code == 2
    assert "name it with -o" in done.stderr
