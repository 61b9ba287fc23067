from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
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


def listed(folder: Path) -> list[Path]:
    """Paths of the files of all fields."""
    return [path for task in tasks(folder) for path in task.source.paths]


def tasks(folder: Path) -> list[FieldTask]:
    return [task for task in read_manifest(folder) if isinstance(task, FieldTask)]


def test_fields_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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
    odd = replace(odd, paths=tuple(tmp_path / path for path in odd.paths))
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


def test_paths_hold_in_any_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "night" / "links").mkdir(parents=True)
    (tmp_path / "away" / "below").mkdir(parents=True)
    (field,) = sources(tmp_path / "night", "a")
    (tmp_path / "night" / "links" / "a.png").symlink_to(field.paths[0])
    (tmp_path / "shortcut").symlink_to(tmp_path / "away" / "below")
    out = tmp_path / "out"
    spellings = {
        tmp_path: "night/a.png",
        tmp_path / "night": "a.png",
        tmp_path / "away": "../night/a.png",
        tmp_path / "night" / "links": "a.png",
        tmp_path / "away" / "below": "../../shortcut/../../night/a.png",
    }
    keys = set()
    for folder, path in spellings.items():
        monkeypatch.chdir(folder)
        write_manifest(out, [replace(field, paths=(Path(path),))], [])
        monkeypatch.chdir("/")
        (found,) = listed(out)
        assert found.is_absolute()
        assert found.samefile(field.paths[0])
        assert found.name == "a.png"
        keys |= {task.key for task in tasks(out)}
    assert len(keys) == 1


def test_a_run_is_moved_with_its_fields_or_alone(tmp_path: Path) -> None:
    night = tmp_path / "night"
    night.mkdir()
    given = sources(night, "a", "b")
    write_manifest(night / "out", given, [])
    before = tasks(night / "out")
    alone = tmp_path / "deep" / "er" / "renamed"
    shutil.copytree(night / "out", alone)
    assert listed(alone) == [night / "a.png", night / "b.png"]
    copied = tmp_path / "copied"
    shutil.copytree(night, copied)
    assert listed(copied / "out") == [copied / "a.png", copied / "b.png"]
    shutil.rmtree(night)
    assert listed(copied / "out") == [copied / "a.png", copied / "b.png"]
    # A run in the new place goes on, and does nothing again.
    write_manifest(copied / "out", sources(copied, "c", "b", "a"), [])
    assert [task.key for task in tasks(copied / "out")][1:] == [task.key for task in before][::-1]
    with pytest.raises(OutputError, match=r"given now \(c\)"):
        write_manifest(copied / "out", sources(copied, "b", "a"), [])
    # So does one in a copy whose files have another time: they are processed again.
    again = tmp_path / "again"
    shutil.copytree(copied, again, copy_function=shutil.copy)
    write_manifest(again / "out", sources(again, "a", "b", "c"), [])
    assert {task.key for task in tasks(again / "out")}.isdisjoint(task.key for task in before)
    # Nothing is lost in the list if the fields are not there.
    assert listed(alone) == [alone.parent / "a.png", alone.parent / "b.png"]


def test_another_file_of_the_same_name_is_not_taken_for_a_moved_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        sources(folder, "a")
    os.utime(second / "a.png", ns=(1, 1))
    write_manifest(first / "out", sources(first, "a"), [])
    shutil.move(first / "out", second / "out")
    assert listed(second / "out") == [first / "a.png"]


def test_the_list_of_an_earlier_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = {**sources(tmp_path, "a")[0].as_dict(), "paths": ["a.png"]}
    line = {"identity": 1, "key": 2, "source": source, "taken": []}
    (tmp_path / PARTS).mkdir()
    (tmp_path / PARTS / "fields.jsonl").write_text(json.dumps(line) + "\n")
    assert listed(tmp_path) == [Path("a.png")]
    write_manifest(tmp_path, sources(tmp_path, "a"), [])
    assert listed(tmp_path) == [tmp_path / "a.png"]


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
    with pytest.raises(InputError, match="line 2 is damaged"):
        list(read_manifest(tmp_path))
