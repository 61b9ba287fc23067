"""Classifiers measured on crops about annotated and detected boxes, by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("quick_plots")]

# The tiny detector boxes what is brighter than half; the dim one is not.
COLOURS = {
    "red": (255, 150, 150),
    "green": (150, 255, 150),
    "blue": (150, 150, 255),
    "dim": (100, 0, 0),
    "dark": (0, 0, 0),
}
SQUARE = (60, 60, 76, 76)


def draw(folder: Path, name: str) -> None:
    """Write a black picture with a square of a colour in its middle."""
    folder.mkdir(exist_ok=True)
    rgb = np.zeros((128, 128, 3), np.uint8)
    rgb[60:76, 60:76] = COLOURS[name]
    cv2.imwrite(str(folder / f"{name}.png"), rgb[:, :, ::-1])


def annotate(folder: Path, name: str, edges: tuple[int, int, int, int]) -> None:
    folder.mkdir(exist_ok=True)
    box = ObjectBox("galaxy", *edges)
    write_voc(folder / f"{name}.xml", AnnotatedImage(f"{name}.png", 128, 128, objects=(box,)))


@pytest.fixture
def measure(
    tmp_path: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> Callable[..., tuple[dict[str, Any], str]]:
    """Measure the tiny ensemble on four pictures with a square in the middle.

    The red one is annotated as it is, the green one as the whole picture; the blue one is not
    annotated, and the dim one is annotated but too dim for the detector.
    """
    images, boxes = tmp_path / "images", tmp_path / "boxes"
    for name in ("red", "green", "blue", "dim"):
        draw(images, name)
    annotate(boxes, "red", SQUARE)
    annotate(boxes, "green", (0, 0, 128, 128))
    annotate(boxes, "dim", SQUARE)
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\nred,red\ngreen,green\nblue,blue\ndim,red\n")
    options = {"--annotations": boxes, "--detector": models["detector"]}

    def call(*given: str) -> tuple[dict[str, Any], str]:
        chosen = [argument for name in given for argument in (name, options[name])]
        result = galpipe_cli(
            "evaluate", "classifier", "--model", models["classifier"], "--images", images,
            "--labels", table, *chosen, "-o", tmp_path / "out", "--overwrite",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        content = json.loads((tmp_path / "out" / "metrics.json").read_text())
        return content, (tmp_path / "out" / "report.md").read_text()

    return call


def recalls(content: dict[str, Any]) -> dict[str, tuple[int, float]]:
    classes = content["metrics"]["classes"]
    return {c["name"]: (c["images"], c["recall"]) for c in classes if c["images"]}


def test_crops_lie_about_what_is_asked_for(
    measure: Callable[..., tuple[dict[str, Any], str]],
) -> None:
    content, report = measure()
    assert recalls(content) == {"red": (2, 1), "green": (1, 1), "blue": (1, 1)}
    assert "Crops are centred on the isophote at the centre." in report
    content, report = measure("--annotations")
    # A crop of the whole picture is mostly dark.
    assert recalls(content) == {"red": (2, 1), "green": (1, 0), "blue": (1, 1)}
    assert "1 of 4 images without an annotated box at the centre: centred on the isophote" in report
    content, report = measure("--detector")
    assert recalls(content) == {"red": (1, 1), "green": (1, 1), "blue": (1, 1)}
    assert "1 of 4 images without a detected galaxy at the centre: excluded" in report
    assert content["data"]["detector"]["name"] == "tiny_detector"


def test_both_ways_are_measured_on_the_galaxies_that_they_share(
    measure: Callable[..., tuple[dict[str, Any], str]],
) -> None:
    content, report = measure("--annotations", "--detector")
    (other,) = content["others"]
    assert recalls(content) == recalls(other) == {"red": (1, 1)}
    assert content["data"]["crops_about"] == ["annotated boxes", "detected boxes"]
    header = [line for line in report.splitlines() if line.startswith("| measure")]
    columns = [name.strip() for name in header[0].split("|")[2:-1]]
    assert columns[::3] == [
        r"tiny\_classifier (annotated boxes)",
        r"tiny\_classifier (detected boxes)",
    ]
    assert "1 of 4 images without an annotated box at the centre" in report
    assert "2 of 4 images without a detection that overlaps the annotated box" in report


def test_a_detector_that_finds_nothing_and_missing_boxes_are_refused(
    tmp_path: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    draw(tmp_path / "images", "dark")
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\ndark,dark\n")
    arguments = ("evaluate", "classifier", "--model", models["classifier"])
    result = galpipe_cli(
        *arguments, "--images", tmp_path / "images", "--labels", table,
        "--detector", models["detector"],
    )  # fmt: skip
    assert result.exit_code == 1
    assert "there is nothing to evaluate" in result.stderr
    assert "1 of 1 images" in result.stderr
    result = galpipe_cli(
        *arguments, "--images", tmp_path / "images", "--labels", table,
        "--annotations", tmp_path / "missing",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "missing does not exist" in result.stderr
