from __future__ import annotations

import os
from pathlib import Path

import pytest

from galpipe.errors import InputError, OutputError
from galpipe.imaging import FieldSource
from galpipe.pipeline.manifest import FieldTask, read_manifest, write_manifest
from galpipe.pipeline.parts import PARTS
from galpipe.pipeline.provenance import Failure


def sources(folder: Path, *names: str) -> list[FieldSource]:
    for name in names:
        if not (folder / f"{name}.png").exists():
            (folder / f"{name}.png").write_bytes(b"x")
    return [FieldSource(name, (folder / f"{name}.png",)) for name in names]


def tasks(folder: Path) -> list[FieldTask]:
    return [task for task in read_manifest(folder) if isinstance(task, FieldTask)]


def test_fields_are_read_as_they_were_written(tmp_path: Path) -> None:
    odd = FieldSource(
        "銀河",
        (Path("r.fits"), Path("g\udcff.fits"), Path("b.fits")),
        ("", "SCI,1", "2"),
        ("r",),
        ("n",),
    )
    failures = [Failure("missing.fits", "missing.fits does not exist.")]
    write_manifest(tmp_path, [odd, *sources(tmp_path, "b", "a")], failures)
    first, *others = read_manifest(tmp_path)
    assert first == failures[0]
    assert all(isinstance(task, FieldTask) for task in others)
    assert [task.source for task in tasks(tmp_path)] == [odd, *sources(tmp_path, "b", "a")]
    assert len({task.key for task in tasks(tmp_path)}) == 3


def test_fields_may_be_added_but_not_left_out(tmp_path: Path) -> None:
    write_manifest(tmp_path, sources(tmp_path, "a", "b"), [])
    before = tasks(tmp_path)
    write_manifest(tmp_path, sources(tmp_path, "c", "b", "a"), [])
    after = tasks(tmp_path)
    assert [task.source.identifier for task in after] == ["c", "b", "a"]
    assert after[1:] == before[::-1]
    with pytest.raises(OutputError, match=r"given now \(c, b\)"):
        write_manifest(tmp_path, sources(tmp_path, "a"), [])
    assert tasks(tmp_path) == after


def test_a_file_that_has_changed_is_another_unit(tmp_path: Path) -> None:
    given = sources(tmp_path, "a", "b")
    write_manifest(tmp_path, given, [])
    before = tasks(tmp_path)
    os.utime(tmp_path / "a.png", ns=(1, 1))
    write_manifest(tmp_path, given, [])
    after = tasks(tmp_path)
    assert before[0].key != after[0].key
    assert before[1].key == after[1].key


def test_names_that_fields_of_a_file_might_get_are_known(tmp_path: Path) -> None:
    write_manifest(tmp_path, sources(tmp_path, "m", "M-1", "mm", "m-2-b", "m-2"), [])
    taken = {task.source.identifier: task.taken for task in tasks(tmp_path)}
    assert taken == {
        "m": ("m-1", "m-2", "m-2-b"),
        "M-1": (),
        "mm": (),
        "m-2-b": (),
        "m-2": ("m-2-b",),
    }


def test_a_damaged_list(tmp_path: Path) -> None:
    write_manifest(tmp_path, sources(tmp_path, "a"), [])
    path = tmp_path / PARTS / "fields.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="line 1 is damaged"):
        list(read_manifest(tmp_path))
