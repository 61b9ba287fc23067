from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.configs import DetectorTraining

Cli = Callable[..., Result]


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """30 images of 320 pixels with a thin box each, and one without objects."""
    rng = np.random.default_rng(0)
    for number, (x, y) in enumerate(rng.integers(0, 200, (30, 2)).tolist()):
        label = "edge on" if number % 3 else "[bar]"
        objects = (ObjectBox(label, x, y, x + 90, y + 18), ObjectBox(label, 0, 0, 9, 9, True))
        image = AnnotatedImage(f"{number}.png", 320, 320, 3, objects)
        write_voc(tmp_path / "xml" / f"{number}.xml", image)
    write_voc(tmp_path / "xml" / "empty.xml", AnnotatedImage("empty.png", 320, 320))
    return tmp_path / "xml"


def test_report_and_pictures(galpipe_cli: Cli, boxes: Path, tmp_path: Path) -> None:
    report, pictures = tmp_path / "figures.json", tmp_path / "pictures"
    call = ("annotations", "stats", boxes, "--report", report, "--pictures", pictures)
    result = galpipe_cli(*call)
    assert result.exit_code == 0, result.output
    assert "[bar]" in result.output
    assert "31 images, 1 (3.2%) without an object" in result.output
    figures = json.loads(report.read_text())
    assert {"version", "versions"} <= set(figures)
    assert figures["classes"]["edge on"]["objects"] == 20
    assert figures["total"]["aspect_ratio"]["p50"] == 5
    assert len(list(pictures.glob("*.png"))) == 4
    assert galpipe_cli(*call).exit_code == 2
    assert galpipe_cli(*call, "--overwrite").exit_code == 0


def test_anchors_that_would_be_better(galpipe_cli: Cli, boxes: Path, tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    call = ("annotations", "stats", boxes, "--anchors", "configs/ssd_mobilenet.yaml")
    result = galpipe_cli(*call, "--report", report)
    assert result.exit_code == 0, result.output
    said = json.loads(report.read_text())["anchors"]
    assert said["boxes"] == 30
    assert said["proposed"]["covered"] > said["present"]["covered"]
    line = [line for line in result.output.splitlines() if line.startswith("  anchors:")][-1]
    settings = DetectorTraining.model_validate(yaml.safe_load(line) | {"data": ()})
    assert settings.anchors.model_dump(mode="json") == said["proposed"]["anchors"]
    assert galpipe_cli(*call, "--smallest", 91).exit_code == 1


def test_what_cannot_be_read_is_named(galpipe_cli: Cli, boxes: Path) -> None:
    (boxes / "bad.xml").write_text("no XML")
    result = galpipe_cli("annotations", "stats", boxes)
    assert result.exit_code == 1
    assert "bad.xml" in result.output
    assert "31 images" in result.output


def test_nothing_to_count(galpipe_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "bad.xml").write_text("<annotation>")
    result = galpipe_cli("annotations", "stats", tmp_path / "xml")
    assert result.exit_code == 1
    assert "bad.xml" in result.output


def test_faulty_boxes_are_pointed_out(galpipe_cli: Cli, tmp_path: Path) -> None:
    image = AnnotatedImage("a.png", 64, 64, 3, (ObjectBox("galaxy", 9, 9, 5, 5),))
    write_voc(tmp_path / "a.xml", image)
    result = galpipe_cli("annotations", "stats", tmp_path)
    assert result.exit_code == 0, result.output
    assert "1 boxes are empty or inverted" in result.output
