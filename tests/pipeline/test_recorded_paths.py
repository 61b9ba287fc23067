from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.imaging import FieldSource
from galpipe.pipeline.recorded_paths import absolute_path, from_folder, relative_to_folder


def test_a_path_holds_in_any_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    monkeypatch.chdir(tmp_path / "a")
    assert absolute_path(Path("b/x.fits")) == tmp_path / "a" / "b" / "x.fits"
    assert absolute_path(Path("../link/x.fits")) == tmp_path / "a" / "b" / "x.fits"
    assert absolute_path(Path("../link/../x.fits")) == tmp_path / "a" / "x.fits"
    assert absolute_path(Path("../link")) == tmp_path / "link"
    assert absolute_path(Path()) == tmp_path / "a"
    assert absolute_path(Path("..")) == tmp_path


def test_bands_at_addresses_are_left_alone(tmp_path: Path) -> None:
    paths = (tmp_path / "in" / "r.fits", Path("bucket/g.fits"), tmp_path / "b.fits")
    source = FieldSource("rgb", paths, urls=("", "s3://bucket/g.fits", ""))
    recorded = relative_to_folder(source, tmp_path / "out")
    assert [str(path) for path in recorded.paths] == ["../in/r.fits", "bucket/g.fits", "../b.fits"]
    assert from_folder(recorded, tmp_path / "out") == source
