"""A detector of galaxies and stars, from the field to every file that is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, read_voc, write_voc
from galpipe.configs import ClassifierStage, RunConfig
from galpipe.errors import ConfigError
from galpipe.files.atomic import write_png
from galpipe.imaging import iou
from galpipe.imaging.draw import PALETTE
from galpipe.pipeline import Catalogue
from galpipe.pipeline.detect import detect
from galpipe.pipeline.run import run

# Where the tiny detector has an anchor.
GALAXIES, STARS = [(12, 28), (92, 12)], [(76, 68)]


def draw(path: Path, galaxies: list[tuple[int, int]], stars: list[tuple[int, int]]) -> Path:
    """Picture of reddish galaxies and bluish stars, squares of 16 pixels at corners (x, y)."""
    rgb = np.zeros((128, 128, 3), np.uint8)
    for colour, corners in (((255, 150, 150), galaxies), ((150, 150, 255), stars)):
        for x, y in corners:
            rgb[y : y + 16, x : x + 16] = colour
    write_png(path, rgb)
    return path


@pytest.fixture
def field(tmp_path: Path) -> Path:
    return draw(tmp_path / "in" / "field.png", GALAXIES, STARS)


@pytest.fixture
def two(star_galaxy_bundle: Path, tiny_classifier_bundle: Path) -> dict[str, Path]:
    return {"detector": star_galaxy_bundle, "classifier": tiny_classifier_bundle}


def expected(boxes: np.ndarray) -> list[str]:
    """What each box should be called, by the square that it lies on."""
    corners = np.array([*GALAXIES, *STARS], float)
    nearest = iou(boxes, np.hstack([corners, corners + 16])).argmax(axis=1)
    return ["galaxy" if place < len(GALAXIES) else "star" for place in nearest]


def boxes_of(catalogue: Catalogue) -> np.ndarray:
    edges = [np.asarray(catalogue[name]) for name in ("xmin", "ymin", "xmax", "ymax")]
    return np.stack(edges, axis=1)


def coloured(overlay: Path, colour: tuple[int, int, int]) -> int:
    drawn = cv2.cvtColor(cv2.imread(str(overlay)), cv2.COLOR_BGR2RGB)
    return int((drawn == colour).all(axis=2).sum())


def test_everything_that_detection_writes_has_the_class(
    tmp_path: Path, field: Path, two: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    out = tmp_path / "out"
    formats = [part for name in ("voc", "coco", "yolo") for part in ("--format", name)]
    result = galpipe_cli("detect", field, "-o", out, "--model", two["detector"], *formats)
    assert result.exit_code == 0, result.output
    catalogue = Catalogue.read(out / "catalogue.ecsv")
    names = expected(boxes_of(catalogue))
    assert catalogue["detected_class"].tolist() == names
    assert {"galaxy", "star"} == set(names)
    assert catalogue.detected_classes == ("galaxy", "star")
    record = json.loads((out / "run.json").read_text())
    assert record["fields"][0]["objects"] == {name: names.count(name) for name in set(names)}
    assert record["fields"][0]["galaxies"] == names.count("galaxy")
    assert f"{names.count('star')} star" in result.stdout

    annotated = read_voc(out / "annotations" / "voc" / "field.xml")
    assert list(annotated.labels) == names
    coco = json.loads((out / "annotations" / "coco.json").read_text())
    called = {category["id"]: category["name"] for category in coco["categories"]}
    assert [called[box["category_id"]] for box in coco["annotations"]] == names
    yolo = np.loadtxt(out / "annotations" / "yolo" / "labels" / "field.txt", ndmin=2)
    assert [("galaxy", "star")[int(row[0])] for row in yolo] == names

    regions = catalogue.write(tmp_path / "boxes.reg").read_text()
    assert regions.count("text={star ") == names.count("star")
    for colour in PALETTE[:2]:
        assert coloured(out / "overlays" / "field.png", colour) > 100


def test_stars_are_in_the_catalogue_but_not_classified(
    tmp_path: Path, field: Path, two: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    out = tmp_path / "out"
    models = ["--detector", two["detector"], "--classifier", two["classifier"]]
    result = galpipe_cli("run", field, "-o", out, *models)
    assert result.exit_code == 0, result.output
    for suffix in (".ecsv", ".csv"):
        catalogue = Catalogue.read(out / f"catalogue{suffix}")
        names = expected(boxes_of(catalogue))
        assert catalogue["detected_class"].tolist() == names
        for row, name in zip(catalogue.table, names, strict=True):
            if name == "star":
                assert (row["class_id"], row["class_name"]) == (-1, "")
                assert np.isnan([row["probability"], row["prob_red"], row["prob_dark"]]).all()
            else:
                assert (row["class_id"], row["class_name"]) == (1, "red")
    assert len(list((out / "crops" / "field").iterdir())) == names.count("galaxy")
    record = json.loads((out / "run.json").read_text())
    assert record["galaxy_classes"] == ["galaxy"]
    assert record["config"]["classifier"]["classes"] is None
    # The kinds of galaxies have the first colours, here four, and stars one behind them.
    assert coloured(out / "overlays" / "field.png", PALETTE[1]) > 100
    assert coloured(out / "overlays" / "field.png", PALETTE[4 + 1]) > 100
    assert "star" in result.stdout


def test_the_configuration_says_what_is_classified(
    tmp_path: Path, field: Path, two: dict[str, Path]
) -> None:
    def classified(name: str, *classes: str) -> set[str]:
        config = RunConfig(classifier=ClassifierStage(classes=classes))
        table = run(field, tmp_path / name, config=config, **two).catalogue.table
        return set(table["detected_class"][np.asarray(table["class_id"]) >= 0].tolist())

    assert classified("stars", "star") == {"star"}
    assert classified("both", "star", "galaxy") == {"star", "galaxy"}
    with pytest.raises(
        ConfigError, match="contains galxy, but the detector has the classes galaxy, star"
    ):
        classified("neither", "galxy")
    assert not (tmp_path / "neither").exists()


def test_a_field_of_stars_alone(tmp_path: Path, two: dict[str, Path]) -> None:
    field = draw(tmp_path / "stars.png", [], STARS)
    result = run(field, tmp_path / "out", **two)
    assert set(result.catalogue["detected_class"]) == {"star"}
    assert not (result.output / "crops").exists()
    again = Catalogue.read(result.output / "catalogue.ecsv")
    np.testing.assert_array_equal(again["class_name"], result.catalogue["class_name"])


def test_fields_without_anything_keep_the_columns(tmp_path: Path, two: dict[str, Path]) -> None:
    field = draw(tmp_path / "dark.png", [], [])
    result = detect(field, tmp_path / "out", model=two["detector"])
    assert "detected_class" in result.catalogue.table.colnames
    assert Catalogue.read(result.output / "catalogue.ecsv").detected_classes == ("galaxy", "star")


@pytest.mark.tensorflow
def test_evaluation_counts_each_class_and_what_it_was_taken_for(
    tmp_path: Path, field: Path, two: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    corners = [*GALAXIES, *STARS]
    # The second galaxy is annotated as a star: it is found as something else.
    labels = ["galaxy", "star", "star"]
    objects = [
        ObjectBox(label, x, y, x + 16, y + 16)
        for label, (x, y) in zip(labels, corners, strict=True)
    ]
    image = AnnotatedImage("field.png", 128, 128, objects=tuple(objects))
    write_voc(tmp_path / "xml" / "field.xml", image)
    out = tmp_path / "measured"
    arguments = ["--images", field.parent, "--annotations", tmp_path / "xml", "-o", out]
    result = galpipe_cli("evaluate", "detector", "--model", two["detector"], *arguments)
    assert result.exit_code == 0, result.output
    measured = json.loads((out / "metrics.json").read_text())["detectors"][0]
    counts = np.array(measured["confusion"]["counts"])
    assert counts[:2, :2].tolist() == [[1, 0], [1, 1]]
    figures = {one["name"]: one["objects"] for one in measured["metrics"]["by_class"]}
    assert figures == {"galaxy": 1, "star": 2}
    report = (out / "report.md").read_text()
    assert "## By class: star" in report
    assert "## Confusion of classes: star" in report
