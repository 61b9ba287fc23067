"""Runs over fields in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import galpipe
from galpipe.errors import InputError
from galpipe.files import remote
from galpipe.pipeline import remote_fields
from galpipe.pipeline.detect import detect
from galpipe.pipeline.field_lists import read_field_list
from galpipe.pipeline.inputs import find_sources

from ..object_store import ObjectStore
from .conftest import write_fits

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(remote, "SCHEMES", ("memory",))
    memory = fsspec.filesystem("memory")
    yield memory
    memory.rm("/b", recursive=True)


def test_fields_of_a_store_are_read_once_and_recorded_by_address(
    tmp_path: Path,
    store: Any,
    models: dict[str, Path],
    good_fits: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def download(url: str, *arguments: Any) -> Path:
        read.append(url)
        return remote.download(url, *arguments)

    monkeypatch.setattr(remote_fields, "download", download)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    whole = galpipe.run(good_fits, tmp_path / "whole", **models).catalogue
    store.pipe("/b/one/sky.fits", good_fits.read_bytes())
    store.pipe("/b/one/broken.fits", b"SIMPLE words")
    out = tmp_path / "out"
    result = galpipe.run(["memory://b/one"], out, **models)
    assert sorted(read) == ["memory://b/one/broken.fits", "memory://b/one/sky.fits"]
    assert list(result.catalogue["source_id"]) == list(whole["source_id"])
    assert result.record.fields[0].files == ("memory://b/one/sky.fits",)
    (failure,) = result.failures
    assert failure.input == "broken"
    assert failure.message.startswith("memory://b/one/broken.fits")
    assert not list((tmp_path / "tmp").iterdir())
    # Nothing is read again, until a file is changed.
    read.clear()
    galpipe.run(["memory://b/one/*.fits"], out, **models)
    assert read == []
    store.pipe("/b/one/broken.fits", good_fits.read_bytes())
    result = galpipe.run(["memory://b/one"], out, **models)
    assert read == ["memory://b/one/broken.fits"]
    assert not result.failures


def test_what_is_missing_is_named_and_the_rest_is_processed(
    tmp_path: Path, store: Any, models: dict[str, Path], good_fits: Path
) -> None:
    store.pipe("/b/sky.fits", good_fits.read_bytes())
    listed = tmp_path / "list.csv"
    listed.write_text("url\nmemory://b/gone.fits\nmemory://b/sky.fits\nfile:///etc/hostname\n")
    fields = [*read_field_list(listed), good_fits]
    result = detect(fields, tmp_path / "out", model=models["detector"])
    assert [record.files[0] for record in result.record.fields] == [
        "memory://b/sky.fits",
        str(good_fits),
    ]
    gone, local = result.failures
    assert (gone.input, local.input) == ("memory://b/gone.fits", "file:///etc/hostname")
    assert "there is no such file" in gone.message
    assert "such addresses are not read" in local.message


def test_three_bands_and_images(store: Any, tmp_path: Path, good_fits: Path) -> None:
    for band in "irg":
        store.pipe(f"/b/frame-{band}-12.fits", good_fits.read_bytes())
    bands = ",".join(f"memory://b/frame-{band}-12.fits" for band in "irg")
    (source,), _ = find_sources([bands])
    assert (source.identifier, str(source)) == ("frame-12", bands)
    with remote_fields.local_copy(source) as copy:
        assert [path.read_bytes() for path in copy.source.paths] == [good_fits.read_bytes()] * 3
    (source,), _ = find_sources(["memory://b/frame-i-12.fits[SCI]"])
    assert str(source) == "memory://b/frame-i-12.fits[SCI]"
    store.pipe("/b/notes/a.txt", b"text")
    with pytest.raises(InputError, match="holds no image"):
        find_sources(["memory://b/notes"])


def test_a_bucket_of_amazon(
    tmp_path: Path, models: dict[str, Path], object_store: ObjectStore
) -> None:
    """The same through s3fs and a server on this machine."""
    field = write_fits(tmp_path / "sky.fits", {(16, 32): "red"})
    object_store.objects["survey/one/sky.fits"] = field.read_bytes()
    result = galpipe.run("s3://survey/one/*.fits", tmp_path / "out", **models)
    assert len(result.catalogue) == 1
    assert result.record.fields[0].files == ("s3://survey/one/sky.fits",)
    again = galpipe.run("s3://survey/one/*.fits", "s3://survey/out", **models)
    assert len(again.catalogue) == 1
    table = (tmp_path / "out" / "catalogue.csv").read_bytes()
    assert object_store.objects["survey/out/catalogue.csv"] == table
    galpipe.run("s3://survey/one/sky.fits", "s3://survey/out", **models, overwrite=True)
    assert len(object_store.names("survey/out/crops/")) == 1
