from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_annotations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty images of a square on noise, labelled and boxed; the last two are the same."""
    images = tmp_path / "images"
    images.mkdir()
    rows, annotated = ["filename,label"], []
    for number in range(20):
        rng = np.random.default_rng(min(number, 18))
        picture = rng.integers(0, 90, (64, 64, 3)).astype(np.uint8)
        picture[20:44, 20:44] += 120
        cv2.imwrite(str(images / f"{number}.png"), picture)
        rows.append(f"{number}.png,{'ab'[number % 2]}")
        box = ObjectBox("galaxy", 20, 20, 44, 44)
        annotated.append(AnnotatedImage(f"{number}.png", 64, 64, objects=(box,)))
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    write_annotations(tmp_path / "boxes.json", annotated, "coco")
    return tmp_path


def _show(folder: Path, cli: Callable[..., Result], settings: dict) -> str:
    config = folder / "mine.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    result = cli("data", "show", config, "-o", folder / "shown")
    assert result.exit_code == 0, result.output
    return (folder / "shown" / "report.html").read_text(encoding="utf-8")


def test_the_data_of_a_classifier(folder: Path, galpipe_cli: Callable[..., Result]) -> None:
    source = {"images": str(folder / "images"), "labels": str(folder / "labels.csv")}
    page = _show(
        folder,
        galpipe_cli,
        {
            "class_names": ["a", "b"],
            "data": [source],
            "input_size": 32,
            "members": [{"architecture": "cnn"}],
        },
    )
    for heading in ("Classes", "Sizes", "Crops", "Augmented views", "Held out", "Near-dup"):
        assert f"<h2>{heading}" in page
    counts = json.loads((folder / "shown" / "metrics.json").read_text())["tables"][0]["rows"]
    assert [row[0] for row in counts] == ["a", "b", "several possible", "all"]
    assert sum(map(int, counts[-1][1:])) == 20
    assert "1 pairs of images" in page


def test_the_data_of_a_detector(folder: Path, galpipe_cli: Callable[..., Result]) -> None:
    source = {"images": str(folder / "images"), "annotations": str(folder / "boxes.json")}
    page = _show(folder, galpipe_cli, {"data": [source], "input_size": 64})
    for heading in ("Sources", "Classes", "Sizes", "Training tiles", "Held out", "Near-dup"):
        assert f"<h2>{heading}" in page
    sizes = json.loads((folder / "shown" / "metrics.json").read_text())["tables"][2]["rows"]
    assert sum(int(row[1]) for row in sizes) == 20
    assert {cell for row in sizes for cell in row[2:]} == {"24"}


def test_a_wrong_configuration_is_refused_before_anything_is_written(
    folder: Path, galpipe_cli: Callable[..., Result]
) -> None:
    config = folder / "mine.yaml"
    config.write_text("data: [{images: nowhere, annotations: none.json}]", encoding="utf-8")
    result = galpipe_cli("data", "show", config, "-o", folder / "shown")
    assert result.exit_code == 2
    assert "data.0.images" in result.output
    assert not (folder / "shown").exists()
