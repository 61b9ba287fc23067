from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.errors import InputError, OutputError
from galpipe.pipeline.cli import cli
from galpipe.pipeline.evaluate import evaluate_classifier, evaluate_detector

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    folder = tmp_path / "cutouts"
    folder.mkdir()
    for name, colour in BGR.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 48, 3), colour, np.uint8))
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("filename,label\nred.png,red\ngreen.png,green\nblue.png,red\n")
    return path


@pytest.fixture
def annotated(tmp_path: Path, good_picture: Path) -> Path:
    """Boxes of the two squares of the good picture."""
    folder = tmp_path / "boxes"
    boxes = (ObjectBox("galaxy", 16, 32, 32, 48), ObjectBox("galaxy", 80, 64, 96, 80))
    folder.mkdir()
    write_voc(folder / "good.xml", AnnotatedImage("good.png", 128, 128, 3, boxes))
    return folder


def test_a_classifier_is_measured(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    metrics = evaluate_classifier(models["classifier"], cutouts, labels, tmp_path / "out")
    assert metrics.images == 3
    assert metrics.accuracy == pytest.approx(2 / 3)
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert kept["metrics"]["accuracy"] == pytest.approx(2 / 3)
    assert kept["model"]["name"] == "tiny_classifier"
    assert "0.667" in (tmp_path / "out" / "metrics.md").read_text()


def test_a_detector_is_measured(
    tmp_path: Path, good_picture: Path, annotated: Path, models: dict[str, Path]
) -> None:
    metrics = evaluate_detector(
        models["detector"], good_picture.parent, annotated, tmp_path / "out"
    )
    content = metrics.to_json()
    assert content["recall"] == pytest.approx(1.0)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"] == content


def test_the_command_line_prints_and_writes(
    tmp_path: Path,
    cutouts: Path,
    labels: Path,
    good_picture: Path,
    annotated: Path,
    models: dict[str, Path],
) -> None:
    def call(*arguments: object) -> str:
        result = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.stdout

    images, boxes = good_picture.parent, annotated
    printed = call(
        "detector", "--model", models["detector"], "--images", images, "--annotations", boxes
    )
    assert "AR@1" in printed
    model = models["classifier"]
    printed = call(
        "classifier", "--model", model, "--images", cutouts, "--labels", labels, "-o",
        tmp_path / "out",
    )  # fmt: skip
    assert "0.667" in printed
    assert (tmp_path / "out" / "metrics.md").is_file()


def test_results_are_kept_unless_asked(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    model = models["classifier"]
    evaluate_classifier(model, cutouts, labels, tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        evaluate_classifier(model, cutouts, labels, tmp_path / "out")
    evaluate_classifier(model, cutouts, labels, tmp_path / "out", overwrite=True)


def test_labels_that_say_too_little(tmp_path: Path, cutouts: Path, models: dict[str, Path]) -> None:
    table = tmp_path / "open.csv"
    table.write_text("filename,label\nred.png,red|green\n")
    with pytest.raises(InputError, match="one class"):
        evaluate_classifier(models["classifier"], cutouts, table)
    with pytest.raises(InputError, match=r"missing\.csv"):
        evaluate_classifier(models["classifier"], cutouts, tmp_path / "missing.csv")
