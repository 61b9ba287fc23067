"""Output of a run: file names, and folders that are not empty."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import galpipe
from galpipe.errors import OutputError
from galpipe.imaging import read_field
from galpipe.pipeline.detect import detect


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


def test_crops_as_fits_hold_the_linear_pixels_of_each_galaxy(
    tmp_path: Path,
    good_fits: Path,
    good_picture: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    named = ["--detector", models["detector"], "--classifier", models["classifier"]]
    options = ["-o", tmp_path / "out", *named, "--crops", "fits", "--no-overlays"]
    done = galpipe_cli("run", good_fits, good_picture, *options)
    assert done.exit_code == 0, done.output
    assert "good: a finished picture has no linear pixels" in done.stderr
    assert not (tmp_path / "out" / "overlays").exists()
    assert "overlays" not in done.stdout
    files = sorted((tmp_path / "out" / "crops").rglob("*.*"))
    rows = galpipe.run([good_fits], tmp_path / "sky", **models).catalogue.table
    assert [path.relative_to(tmp_path / "out" / "crops").as_posix() for path in files] == sorted(
        f"sky/{source.replace(' ', '_')}.fits" for source in rows["source_id"]
    )
    field = read_field(good_fits)
    for row in rows:
        name = row["source_id"].replace(" ", "_")
        crop = read_field(tmp_path / "out" / "crops" / "sky" / f"{name}.fits")
        x, y = (float(place) for place in crop.pixel(row["ra"].value, row["dec"].value))
        assert abs(x - crop.width / 2) < 1
        assert abs(y - crop.height / 2) < 1
        places = [(x, y, crop), (row["x"].value, row["y"].value, field)]
        # The middle may lie on an edge of pixels, to which the WCS is not exact.
        near, there = (
            image.pixels[int(line + 0.01) :, int(column + 0.01) :][:3, :3]
            for column, line, image in places
        )
        np.testing.assert_array_equal(near, there)


def test_pictures_that_are_not_wanted_are_not_written(
    tmp_path: Path,
    good_fits: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    out = tmp_path / "out"
    bare = galpipe.run(good_fits, out, **models, overlays=False, crops=None)
    assert len(bare.catalogue)
    assert not (out / "overlays").exists()
    assert not (out / "crops").exists()
    with pytest.raises(OutputError, match='crops was "none", now "fits"'):
        galpipe.run(good_fits, out, **models, overlays=False, crops="fits")
    galpipe.run(good_fits, out, **models, crops="fits", overwrite=True)
    assert list(out.glob("crops/sky/*.fits"))
    galpipe.run(good_fits, out, **models, overwrite=True)
    assert not list(out.glob("crops/sky/*.fits"))
    detect(good_fits, tmp_path / "detected", model=models["detector"], overlays=False)
    assert not (tmp_path / "detected" / "overlays").exists()
    done = galpipe_cli("run", good_fits, "-o", out, "--crops", "fits", "--no-crops")
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr
