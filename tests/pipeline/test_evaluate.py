from __future__ import annotations

import json
from collections.abc import Callable
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
def frames(tmp_path: Path, squares: Callable[..., np.ndarray]) -> Path:
    """A picture with two squares where the tiny detector's anchors lie, and one without any."""
    folder = tmp_path / "frames"
    folder.mkdir()
    cv2.imwrite(str(folder / "two.png"), squares(128, 128, (12, 28), (76, 60)))
    cv2.imwrite(str(folder / "dark.png"), squares(128, 128))
    return folder


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Annotations of the frames; a third square is asked for where there is none."""
    folder = tmp_path / "boxes"
    folder.mkdir()
    boxes = [ObjectBox("galaxy", x, y, x + 16, y + 16) for x, y in ((12, 28), (76, 60), (100, 8))]
    write_voc(folder / "two.xml", AnnotatedImage("two.png", 128, 128, 3, tuple(boxes)))
    write_voc(folder / "dark.xml", AnnotatedImage("dark.png", 128, 128))
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
    tmp_path: Path, frames: Path, annotated: Path, models: dict[str, Path]
) -> None:
    metrics = evaluate_detector(models["detector"], frames, annotated, tmp_path / "out")
    assert (metrics.images, metrics.galaxies) == (2, 3)
    assert metrics.recall50 == pytest.approx(2 / 3)
    assert metrics.ar1_ceiling == pytest.approx(1 / 3)
    content = metrics.to_json()
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"] == content


def test_the_command_line_prints_and_writes(
    tmp_path: Path,
    cutouts: Path,
    labels: Path,
    frames: Path,
    annotated: Path,
    models: dict[str, Path],
) -> None:
    def call(*arguments: object) -> str:
        result = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.stdout

    model = models["detector"]
    printed = call("detector", "--model", model, "--images", frames, "--annotations", annotated)
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
