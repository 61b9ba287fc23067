from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc

Cli = Callable[..., Result]


def annotate(folder: Path, name: str, labels: list[str], difficult: int = 0) -> None:
    objects = [ObjectBox(label, 5, 5, 30, 30) for label in labels]
    objects += [ObjectBox("disc", 40, 40, 60, 60, difficult=True)] * difficult
    image = AnnotatedImage(name, 64, 64, 3, tuple(objects))
    write_voc(folder / "xml" / f"{Path(name).stem}.xml", image)


def draw(folder: Path, name: str, look: int) -> None:
    noise = np.random.default_rng(look).integers(0, 255, (12, 12), dtype=np.uint8)
    big = cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert cv2.imwrite(str(folder / "images" / name), big)


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """40 images: 30 with a disc, 10 with a disc and a ring; number 1 looks like number 0."""
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "xml").mkdir()
    for number in range(40):
        draw(folder, f"{number}.png", max(number, 1))
        annotate(folder, f"{number}.png", ["disc", "ring"] if number % 4 == 0 else ["disc"], 1)
    return folder


def names(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_hold_out(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("annotations", "split", annotated / "xml", "-o", out)
    result = galpipe_cli(*call)
    assert result.exit_code == 0, result.output
    sides = {side: names(out / f"{side}.txt") for side in ("train", "validation", "test")}
    assert {side: len(found) for side, found in sides.items()} == {
        "train": 28,
        "validation": 4,
        "test": 8,
    }
    every = [name for found in sides.values() for name in found]
    assert sorted(every) == sorted(f"{number}.png" for number in range(40))
    record = json.loads((out / "split.json").read_text())
    assert record["galaxies"] == {"0": ["0.png", "1.png"]}
    assert record["sides"]["test"] == {
        "images": 8,
        "objects": 10,
        "difficult": 8,
        "classes": {"disc": 8, "ring": 2},
    }
    assert any({"0.png", "1.png"} <= set(found) for found in sides.values())
    assert "0.png, 1.png" in result.output

    assert galpipe_cli(*call).exit_code == 2
    again = galpipe_cli(*call, "--overwrite")
    assert again.exit_code == 0
    assert names(out / "test.txt") == sides["test"]
    galpipe_cli(*call, "--overwrite", "--seed", 1)
    assert names(out / "test.txt") != sides["test"]


def test_the_division_does_not_depend_on_where_the_files_lie(
    galpipe_cli: Cli, annotated: Path, tmp_path: Path
) -> None:
    galpipe_cli("annotations", "split", annotated / "xml", "-o", tmp_path / "first")
    moved = tmp_path / "elsewhere"
    annotated.rename(moved)
    galpipe_cli("annotations", "split", moved / "xml", "-o", tmp_path / "second")
    for side in ("train", "validation", "test"):
        first, second = (tmp_path / place / f"{side}.txt" for place in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_folds(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = galpipe_cli("annotations", "split", annotated / "xml", "-o", out, "--folds", 4)
    assert result.exit_code == 0, result.output
    tested: list[str] = []
    for number in range(4):
        train, test = (names(out / f"fold{number}" / f"{side}.txt") for side in ("train", "test"))
        assert sorted(train + test) == sorted(f"{number}.png" for number in range(40))
        tested += test
    assert len(tested) == len(set(tested)) == 40
    # fewer sides leave nothing of the earlier lists
    galpipe_cli("annotations", "split", annotated / "xml", "-o", out, "--overwrite")
    assert sorted(path.name for path in out.iterdir()) == [
        "split.json",
        "test.txt",
        "train.txt",
        "validation.txt",
    ]


def test_identifiers_and_positions_keep_images_together(
    galpipe_cli: Cli, annotated: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    rows = ["5,same,,", "6,same,,", "7,,10,20", "8,,10.001,20", "9,,10.01,20"]
    table.write_text("\n".join(["filename,identifier,ra,dec", *rows]))
    call = (
        "annotations",
        "split",
        annotated / "xml",
        "-o",
        tmp_path / "out",
        "--no-near-duplicates",
    )
    assert galpipe_cli(*call, "--identifiers", table).exit_code == 0
    record = json.loads((tmp_path / "out" / "split.json").read_text())
    assert record["galaxies"] == {"7": ["7.png", "8.png"], "same": ["5.png", "6.png"]}
    galpipe_cli(*call, "--identifiers", table, "--radius", 60, "--overwrite")
    record = json.loads((tmp_path / "out" / "split.json").read_text())
    assert record["galaxies"]["7"] == ["7.png", "8.png", "9.png"]


def test_fields_that_overlap_on_the_sky_stay_together(galpipe_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "xml").mkdir()
    for number, ra in enumerate((10.0, 10.01, 10.02, 30.0, 50.0)):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = [ra, 0]
        wcs.wcs.crpix = [32.5, 32.5]
        wcs.wcs.cdelt = [-1 / 3600, 1 / 3600]
        noise = np.random.default_rng(number).normal(size=(64, 64)).astype(np.float32)
        fits.PrimaryHDU(noise, wcs.to_header()).writeto(tmp_path / "images" / f"{number}.fits")
        annotate(tmp_path, f"{number}.fits", ["disc"])
    result = galpipe_cli("annotations", "split", tmp_path / "xml", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "split.json").read_text())
    assert record["galaxies"] == {"0": ["0.fits", "1.fits", "2.fits"]}


def test_what_is_missing_is_named(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    (annotated / "images" / "12.png").unlink()
    (annotated / "xml" / "13.xml").write_text("no XML")
    result = galpipe_cli("annotations", "split", annotated / "xml", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "12.png" in result.output
    assert "13.xml" in result.output
    record = json.loads((tmp_path / "out" / "split.json").read_text())
    assert sum(side["images"] for side in record["sides"].values()) == 38


def test_two_annotations_of_one_image_count_once(
    galpipe_cli: Cli, annotated: Path, tmp_path: Path
) -> None:
    write_voc(annotated / "xml" / "again.xml", AnnotatedImage("3.png", 64, 64))
    assert galpipe_cli("annotations", "split", annotated / "xml", "-o", tmp_path).exit_code == 2
    result = galpipe_cli("annotations", "split", annotated / "xml", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "split.json").read_text())
    assert sum(side["images"] for side in record["sides"].values()) == 40


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--folds", 3, "--test", 0.5], 2, "cannot be combined"),
        (["--test", 0.9, "--validation", 0.1], 2, "nothing to train on"),
        (["--folds", 40, "--no-twins", "--seed", 2], 0, ""),
        (["--folds", 41], 1, "39 galaxies"),
        (["--identifiers", "missing.csv"], 1, "missing.csv"),
        (["--from", "nonsense"], 1, "nonsense"),
    ],
)
def test_wrong_calls(
    galpipe_cli: Cli, annotated: Path, tmp_path: Path, arguments: list[Any], code: int, message: str
) -> None:
    call = ("annotations", "split", annotated / "xml", "-o", tmp_path / "out")
    result = galpipe_cli(*call, *arguments)
    assert result.exit_code == code, result.output
    assert message in result.output
