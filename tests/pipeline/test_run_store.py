"""Runs whose results are in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import galpipe
from galpipe.errors import ConfigError, OutputError
from galpipe.files import remote
from galpipe.pipeline import field_work, run_store
from galpipe.pipeline.collect import collect
from galpipe.pipeline.field_processing import process_field

from .conftest import DATE, picture, undated, write_picture

fsspec = pytest.importorskip("fsspec")

OUT = "memory://bucket/out"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setattr(remote, "SCHEMES", ("https", "memory"))
    (tmp_path / "work").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/other", b"another file of the bucket")
    yield memory
    memory.rm("/bucket", recursive=True)


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    for number in range(4):
        squares = {(16, 32): "red", (80, 8 * number): "blue"}
        write_picture(tmp_path / "in" / f"f{number}.png", picture(128, 128, squares))
    (tmp_path / "in" / "f9.png").write_bytes(b"no picture")
    return tmp_path / "in"


def published(store: Any) -> dict[str, bytes]:
    """Everything that must not depend on how a run went."""
    names = {name.removeprefix("/bucket/out/"): name for name in store.find("/bucket/out")}
    left_out = ("parts/", "run.json")
    found = {name: store.cat(path) for name, path in names.items() if not name.startswith(left_out)}
    return found | {"report.html": DATE.sub(b"DATE", found["report.html"])}


def local(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    left_out = ("parts/", "run.json", ".")
    return {name: undated(path) for name, path in files.items() if not name.startswith(left_out)}


def test_a_store_holds_what_a_folder_holds(
    tmp_path: Path, store: Any, fields: Path, models: dict[str, Path]
) -> None:
    whole = galpipe.run(fields, tmp_path / "whole", **models, formats=["csv", "ds9"])
    result = galpipe.run(fields, OUT, **models, formats=["csv", "ds9"])
    assert published(store) == local(tmp_path / "whole")
    assert result.address == OUT
    assert len(result.catalogue) == len(whole.catalogue)
    assert result.failures == whole.failures
    with pytest.raises(OutputError, match=rf"{OUT}: holds a run that .*score_threshold"):
        galpipe.run(fields, OUT, **models, formats=["csv"], score_threshold=0.1)
    # Other formats, by the parts alone; files that are out of date go.
    galpipe.run(fields, OUT, **models, formats=["ecsv"])
    assert {name for name in published(store) if "catalogue" in name or "regions" in name} == {
        "catalogue.ecsv"
    }
    del result
    assert not list((tmp_path / "work").iterdir())


def test_a_run_goes_on_elsewhere(
    tmp_path: Path,
    store: Any,
    fields: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is killed without a word, and continued by a machine that has nothing of it."""
    seen: list[str] = []

    def process(field: Any, *arguments: Any) -> Any:
        seen.append(field.identifier)
        if seen == ["f0", "f1", "f2"]:
            raise KeyboardInterrupt
        return process_field(field, *arguments)

    monkeypatch.setattr(field_work, "process_field", process)
    monkeypatch.setattr(field_work, "_PART_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(run_store.RunStore, "publish_rest", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            galpipe.run(fields, OUT, **models)
    assert not list((tmp_path / "work").iterdir())
    assert "parts/plan.json" in {
        name.removeprefix("/bucket/out/") for name in store.find("/bucket")
    }
    assert len(collect(OUT).record.fields) == 2
    # A field that is changed has other crops.
    write_picture(fields / "f1.png", picture(128, 128, {}))
    galpipe.run(fields, OUT, **models)
    assert seen == ["f0", "f1", "f2", "f1", "f2", "f3"]
    galpipe.run(fields, tmp_path / "whole", **models)
    assert published(store) == local(tmp_path / "whole")


def test_other_files_are_kept(store: Any, fields: Path, models: dict[str, Path]) -> None:
    store.pipe("/bucket/out/notes.txt", b"mine")
    with pytest.raises(OutputError, match="holds files that galpipe did not make"):
        galpipe.run(fields, OUT, **models)
    store.pipe("/bucket/out/run.json", b'{"made_by": "another program"}')
    store.pipe("/bucket/out/catalogue.csv", b"theirs")
    with pytest.raises(OutputError, match="holds files that galpipe did not make"):
        galpipe.run(fields, OUT, **models, overwrite=True)
    assert store.cat("/bucket/out/catalogue.csv") == b"theirs"
    store.rm("/bucket/out", recursive=True)
    # A run that was killed when it had published its list alone.
    store.pipe("/bucket/out/parts/fields.jsonl", b"{}")
    galpipe.run(fields, OUT, **models)
    store.pipe("/bucket/out/notes.txt", b"mine")
    galpipe.run(fields / "f0.png", OUT, **models, crops=None, overwrite=True)
    names = set(published(store))
    assert names == {
        "notes.txt", "catalogue.csv", "catalogue.ecsv", "config.yaml", "overlays/f0.png",
        "pictures/f0.jpg", "report.html"
    }  # fmt: skip


@pytest.mark.parametrize("address", ["https://host/out", "ftp://host/out", "memory://"])
def test_where_nothing_can_be_written(
    store: Any, fields: Path, models: dict[str, Path], address: str
) -> None:
    with pytest.raises(ConfigError, match=r"nothing can be written there"):
        galpipe.run(fields, address, **models)
