"""Output of a run: file names, and folders that are not empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import galpipe
from galpipe.errors import OutputError


def test_fields_of_one_name_do_not_overwrite_each_other(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    other = tmp_path / "other" / good_picture.name
    other.parent.mkdir()
    other.write_bytes(good_picture.read_bytes())
    result = galpipe.run([good_picture, other], tmp_path / "out", **models)
    assert len(list((result.output / "overlays").iterdir())) == 2
    table = result.catalogue.table
    # One picture in two folders: its sources have one name each, in fields of two names.
    assert len(set(table["source_id"])) == len(table) // 2
    assert len(set(zip(table["field"], table["source_id"], strict=True))) == len(table)
    assert len(list((result.output / "crops").glob("*/*.png"))) == len(table)


@pytest.mark.parametrize("name", ["a b", "..odd", "galaxie é", "%41", "-o", "x" * 200, "a'b\"c"])
def test_any_file_name_will_do(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], name: str
) -> None:
    path = good_picture.with_name(f"{name}.png")
    good_picture.rename(path)
    result = galpipe.run([path], tmp_path / "out", **models)
    assert not result.failures
    (overlay,) = (result.output / "overlays").iterdir()
    assert not set(overlay.stem) & set(" %'\"")
    assert overlay.stem[0] not in ".-"
    assert {path.name for path in tmp_path.iterdir()} >= {"out", "in"}


def test_an_earlier_result_is_kept_unless_asked(
    tmp_path: Path, good_picture: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    galpipe.run([good_picture, good_fits], out, **models)
    before = (out / "catalogue.ecsv").read_bytes()
    with pytest.raises(OutputError, match=r"not among those given now \(sky\).*--overwrite"):
        galpipe.run(good_picture, out, **models)
    with pytest.raises(OutputError, match=r"score_threshold was 0.5, now 0.25.*--overwrite"):
        galpipe.run([good_picture, good_fits], out, **models, score_threshold=0.25)
    assert (out / "catalogue.ecsv").read_bytes() == before
    (out / "notes.txt").write_text("mine")
    (out / "crops" / "mine.txt").write_text("mine")
    galpipe.run(good_picture, out, **models, overwrite=True)
    assert (out / "catalogue.ecsv").read_bytes() != before
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "crops" / "mine.txt").read_text() == "mine"
    assert not (out / "crops" / "sky").exists()
    assert not (out / "overlays" / "sky.png").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_others_is_refused(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], overwrite: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "catalogue.ecsv").write_text("mine")
    with pytest.raises(OutputError, match="did not make"):
        galpipe.run(good_picture, out, **models, overwrite=overwrite)
    assert (out / "catalogue.ecsv").read_text() == "mine"
    (out / "run.json").write_text('{"made_by": "somebody"}')
    with pytest.raises(OutputError, match="did not make"):
        galpipe.run(good_picture, out, **models, overwrite=overwrite)


def test_overwriting_follows_no_link_out_of_the_folder(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.png").write_bytes(b"mine")
    out = tmp_path / "out"
    galpipe.run(good_picture, out, **models)
    (out / "crops" / "link").symlink_to(elsewhere)
    galpipe.run(good_picture, out, **models, overwrite=True)
    assert (elsewhere / "mine.png").read_bytes() == b"mine"


def test_an_output_that_is_a_file(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(OutputError, match="out"):
        galpipe.run(good_picture, out, **models)
    with pytest.raises(OutputError, match="inside"):
        galpipe.run(good_picture, out / "inside", **models)
    assert out.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody may write")
def test_an_output_that_nobody_may_write(good_picture: Path, models: dict[str, Path]) -> None:
    with pytest.raises(OutputError, match="/proc/out"):
        galpipe.run(good_picture, "/proc/out", **models)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="permissions"):
        galpipe.run(good_picture, tmp_path / "locked" / "out", **models)
