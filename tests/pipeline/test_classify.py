from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from click.testing import Result

from galpipe.errors import InputError
from galpipe.pipeline.classify import classify

from ..datasets.galaxy10_files import sdss_columns, write_galaxy10

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.fixture
def cutouts(tmp_path: Path) -> dict[str, Path]:
    """One cutout of each colour."""
    folder = tmp_path / "cutouts"
    folder.mkdir()
    paths = {}
    for name, colour in BGR.items():
        paths[name] = folder / f"{name}.png"
        picture = np.full((48, 48, 3), colour, np.uint8)
        picture[20:28, 20:28] //= 2
        assert cv2.imwrite(str(paths[name]), picture)
    return paths


def test_predictions(tmp_path: Path, cutouts: dict[str, Path], models: dict[str, Path]) -> None:
    result = classify(list(cutouts.values()), tmp_path / "out", model=models["classifier"])
    table = pd.read_csv(result.output / "predictions.csv")
    assert list(table.columns) == [
        "file", "class_id", "class_name", "probability",
        "second_class", "second_probability", "entropy",
        "prob_dark", "prob_red", "prob_green", "prob_blue",
    ]  # fmt: skip
    assert list(table["class_name"]) == list(cutouts)
    assert [Path(file).stem for file in table["file"]] == list(cutouts)
    np.testing.assert_allclose(table.filter(like="prob_").sum(axis=1), 1, atol=1e-3)
    pd.testing.assert_frame_equal(table, result.predictions, check_dtype=False, atol=1e-6)
    record = json.loads((result.output / "run.json").read_text())
    assert record["command"] == "classify"
    assert record["status"] == "complete"


def test_an_image_without_contrast_is_named(tmp_path: Path, models: dict[str, Path]) -> None:
    flat = tmp_path / "flat.fits"
    fits.writeto(flat, np.full((60, 60), 5, dtype=np.float32))
    result = classify(flat, tmp_path / "out", model=models["classifier"])
    (note,) = json.loads((result.output / "run.json").read_text())["notes"]
    assert note == f"{flat}: the image has no contrast: every pixel is 5"


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_of_one_colour_gets_no_class(
    tmp_path: Path, cutouts: dict[str, Path], models: dict[str, Path], level: int
) -> None:
    flat = tmp_path / "flat.jpg"
    assert cv2.imwrite(str(flat), np.full((48, 48, 3), level, np.uint8))
    result = classify([flat, cutouts["red"]], tmp_path / "out", model=models["classifier"])
    table = pd.read_csv(result.output / "predictions.csv", keep_default_na=False)
    assert list(table["class_name"]) == ["", "red"]
    assert next(iter(table["probability"])) == ""
    (note,) = json.loads((result.output / "run.json").read_text())["notes"]
    assert note.startswith(f"{flat}: it has no contrast")


def test_folders_and_lists(
    tmp_path: Path, cutouts: dict[str, Path], models: dict[str, Path]
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("file,note\ncutouts/red.png,a\ncutouts/blue.png,b\n")
    folder = classify(cutouts["red"].parent, tmp_path / "a", model=models["classifier"])
    assert list(folder.predictions["class_name"]) == ["blue", "green", "red"]
    table = classify(listed, tmp_path / "b", model=models["classifier"])
    assert list(table.predictions["class_name"]) == ["red", "blue"]


def test_an_archive_is_read_in_place(
    tmp_path: Path, cutouts: dict[str, Path], models: dict[str, Path]
) -> None:
    flat = np.full((48, 48, 3), 255, np.uint8)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in ("red", "blue"):
            archive.write(cutouts[name], f"images/{name}.png")
        archive.writestr("images/broken.png", b"\x89PNG\r\n\x1a\n")
        archive.writestr("images/flat.png", cv2.imencode(".png", flat)[1].tobytes())
    inputs = [cutouts["green"], tmp_path / "images.zip"]
    result = classify(inputs, tmp_path / "out", model=models["classifier"])
    table = result.predictions
    assert list(table["class_name"]) == ["red", "blue", "", "green"]
    assert table["file"][0] == str(tmp_path / "images.zip" / "red.png")
    alone = classify(cutouts["red"], tmp_path / "alone", model=models["classifier"]).predictions
    pd.testing.assert_frame_equal(table.iloc[:1, 1:], alone.iloc[:, 1:])
    assert [Path(failure.input).name for failure in result.failures] == ["broken.png"]
    (note,) = result.record.notes
    assert note.startswith(f"{tmp_path / 'images.zip' / 'flat.png'}: it has no contrast")


def test_a_file_of_galaxy10(
    tmp_path: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    pytest.importorskip("h5py")
    data = write_galaxy10(tmp_path / "Galaxy10.h5", sdss_columns(3))
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no data")
    done = galpipe_cli(
        "classify", data, broken, "-o", tmp_path / "out", "--model", models["classifier"]
    )
    assert done.exit_code == 1, done.output
    assert "broken.h5" in done.output
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert [Path(file).name for file in table["file"]] == [f"Galaxy10-0000{n}" for n in range(3)]
    with pytest.raises(InputError, match=r"broken\.h5"):
        classify(broken, tmp_path / "none", model=models["classifier"])


def test_what_cannot_be_read_is_named_and_the_rest_is_done(
    tmp_path: Path, cutouts: dict[str, Path], models: dict[str, Path]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    listed = tmp_path / "list.csv"
    listed.write_text("file\nnosuch.png\n")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    inputs = [cutouts["red"], broken, listed, wrong, cutouts["green"]]
    result = classify(inputs, tmp_path / "out", model=models["classifier"])
    assert list(result.predictions["class_name"]) == ["red", "green"]
    messages = "\n".join(failure.message for failure in result.failures)
    assert len(result.failures) == 3
    for name in ("broken.png", "nosuch.png", "wrong.csv"):
        assert name in messages
    assert all(failure.expected for failure in result.failures)


def test_nothing_to_classify(tmp_path: Path, models: dict[str, Path]) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"wrong\.csv"):
        classify(wrong, tmp_path / "out", model=models["classifier"])
    assert not (tmp_path / "out").exists()


def test_nothing_readable_gives_an_empty_table(tmp_path: Path, models: dict[str, Path]) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    result = classify(broken, tmp_path / "out", model=models["classifier"])
    assert len(result.failures) == 1
    table = pd.read_csv(result.output / "predictions.csv")
    assert len(table) == 0
    assert "prob_red" in table.columns


def test_a_prior_from_the_command_line(
    tmp_path: Path,
    cutouts: dict[str, Path],
    calibrated_bundle: Path,
    galpipe_cli: Callable[..., Result],
) -> None:
    prior = tmp_path / "prior.yaml"
    prior.write_text("{dark: 1, red: 1, green: 1, blue: 997}\n")
    result = galpipe_cli(
        "classify", cutouts["red"], "-o", tmp_path / "out", "--model", calibrated_bundle,
        "--prior", prior, "--test-time-augmentation",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "out" / "predictions.csv")
    plain = classify(cutouts["red"], tmp_path / "plain", model=calibrated_bundle).predictions
    odds = found["prob_blue"] / found["prob_red"]
    # "blue" was assumed half as frequent as "red".
    expected = plain["prob_blue"] / plain["prob_red"] * 997 * 2
    np.testing.assert_allclose(odds, expected, rtol=1e-3)
    record = json.loads((tmp_path / "out" / "run.json").read_text())["models"]["classifier"]
    assert record["priors"]["blue"] == pytest.approx(0.997)
    assert record["test_time_augmentation"] is True


@pytest.mark.parametrize(
    ("prior", "code", "message"),
    [
        ("survay", 2, "a prior is 'uniform', 'survey' or a file"),
        ("survey", 2, "give a file of class frequencies"),
    ],
)
def test_a_prior_that_is_none(
    tmp_path: Path,
    cutouts: dict[str, Path],
    calibrated_bundle: Path,
    galpipe_cli: Callable[..., Result],
    prior: str,
    code: int,
    message: str,
) -> None:
    result = galpipe_cli(
        "classify", cutouts["red"], "-o", tmp_path / "out", "--model", calibrated_bundle,
        "--prior", prior,
    )  # fmt: skip
    assert result.exit_code == code
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
