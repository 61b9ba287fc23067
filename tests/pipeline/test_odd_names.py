"""Names of any script, names that are not UTF-8, and inputs that are no files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from galpipe.pipeline import Catalogue


@pytest.fixture
def detect(galpipe_cli: Any, tmp_path: Path, models: dict[str, Path]) -> Any:
    def run(*inputs: Path, code: int = 0, forms: tuple[str, ...] = ()) -> str:
        options = [f"--format={form}" for form in forms]
        result = galpipe_cli(
            "detect",
            *inputs,
            "-o",
            tmp_path / "out",
            "--model",
            models["detector"],
            "--overwrite",
            *options,
        )
        assert result.exit_code == code, result.output
        return str(result.output)

    return run


def test_names_of_any_script_reach_every_output(
    tmp_path: Path, good_fits: Path, detect: Any
) -> None:
    names = ("銀河", "тест", "é 1")
    folder = tmp_path / "fields"
    folder.mkdir()
    for name in names:
        shutil.copy(good_fits, folder / f"{name}.fits")
    detect(folder, forms=("voc", "coco"))
    out = tmp_path / "out"
    kept = {"銀河", "тест", "é_1"}
    assert {file.stem for file in (out / "overlays").iterdir()} == kept
    assert set(Catalogue.read(out / "catalogue.ecsv")["field"]) == kept
    assert {file.stem for file in (out / "annotations" / "voc").iterdir()} == set(names)
    assert "銀河.fits" in (out / "run.json").read_text(encoding="utf-8")


def test_a_name_that_is_not_utf8_stops_nothing(
    tmp_path: Path, good_fits: Path, detect: Any
) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    try:
        for name in (b"a.fits", b"b\xff.fits", b"b\xfe.fits", b"c.fits"):
            shutil.copy(good_fits, folder / os.fsdecode(name))
    except OSError:
        pytest.skip("the file system accepts UTF-8 only")
    detect(folder, forms=("voc", "coco", "yolo", "csv", "createml", "ds9"))
    out = tmp_path / "out"
    overlays = sorted(file.name for file in (out / "overlays").iterdir())
    assert len(overlays) == 4
    assert {"a.png", "c.png"} < set(overlays)
    written = sorted(file.stem for file in (out / "annotations" / "voc").iterdir())
    assert len(written) == 4
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert sum("b\ufffd.fits" in field["files"][0] for field in record["fields"]) == 2
    catalogue = Catalogue.read(out / "catalogue.csv")
    for suffix in (".fits", ".vot", ".csv"):
        catalogue.write(tmp_path / f"again{suffix}")


def test_a_pipe_in_a_folder_is_named_and_the_rest_is_done(
    tmp_path: Path, good_fits: Path, detect: Any
) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    shutil.copy(good_fits, folder / "a.fits")
    os.mkfifo(folder / "b.fits")
    (folder / "c.png").symlink_to("/dev/zero")
    said = detect(folder, code=1)
    assert "b.fits: it is a pipe" in said
    assert "c.png: it is a device" in said
    assert [file.name for file in (tmp_path / "out" / "overlays").iterdir()] == ["a.png"]
    assert "it is a pipe" in detect(folder / "b.fits", code=1)
