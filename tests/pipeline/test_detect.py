from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import read_annotated_images, read_voc
from galpipe.annotations.formats.registry import writable_formats
from galpipe.errors import ConfigError
from galpipe.pipeline import Catalogue
from galpipe.pipeline.detect import detect


def test_a_catalogue_without_classes(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], contents: Callable[..., set[str]]
) -> None:
    result = detect(good_picture, tmp_path / "out", model=models["detector"])
    names = result.catalogue.table.colnames
    assert not {"class_id", "class_name", "probability"} & set(names)
    assert {"ra", "xmin", "score", "flags"} <= set(names)
    assert len(result.catalogue) >= 2
    assert contents(result.output) == {
        "catalogue.ecsv",
        "catalogue.csv",
        "overlays/good.png",
        "pictures/good.jpg",
        "report.html",
        "run.json",
    }
    record = json.loads((result.output / "run.json").read_text())
    assert record["command"] == "detect"
    assert list(record["models"]) == ["detector"]


def test_annotations_hold_the_boxes_of_the_catalogue(
    tmp_path: Path, good_picture: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    result = detect(
        [good_picture, good_fits],
        tmp_path / "out",
        model=models["detector"],
        annotations=["voc", "coco", "yolo"],
    )
    folder = result.output / "annotations"
    for name in ("good", "sky"):
        table = result.catalogue.of_field(name).table
        boxes = np.stack([table[side].value for side in ("xmin", "ymin", "xmax", "ymax")], axis=1)
        annotated = read_voc(folder / "voc" / f"{name}.xml")
        np.testing.assert_allclose(annotated.boxes, boxes, atol=1)
        assert set(annotated.labels) == {"galaxy"}
        yolo = np.loadtxt(folder / "yolo" / "labels" / f"{name}.txt", ndmin=2)
        np.testing.assert_allclose(yolo[:, 1] * 128, table["x"].value, atol=1e-3)
        np.testing.assert_allclose(yolo[:, 4] * 128, boxes[:, 3] - boxes[:, 1], atol=1e-3)
    coco = json.loads((folder / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["good.png", "sky.fits"]
    assert len(coco["annotations"]) == len(result.catalogue)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(name, marks=[pytest.mark.tensorflow] if name == "tfrecord" else [])
        for name in writable_formats()
    ],
)
def test_every_format_can_be_written(
    tmp_path: Path, good_picture: Path, good_fits: Path, models: dict[str, Path], form: str
) -> None:
    result = detect(
        [good_picture, good_fits], tmp_path / "out", model=models["detector"], annotations=[form]
    )
    [path] = (result.output / "annotations").iterdir()
    assert path.stem == form
    images = tmp_path / "images"
    images.mkdir()
    for file in (good_picture, good_fits):
        shutil.copy(file, images)
    read = [image for _, image in read_annotated_images(path, images)]
    assert sorted(image.filename for image in read) == ["good.png", "sky.fits"]
    assert sum(len(image.objects) for image in read) == len(result.catalogue)


def test_annotations_of_images_of_one_name_are_kept_apart(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    other = tmp_path / "other" / good_picture.name
    other.parent.mkdir()
    other.write_bytes(good_picture.read_bytes())
    result = detect(
        [good_picture, other],
        tmp_path / "out",
        model=models["detector"],
        annotations=["voc", "yolo"],
    )
    assert len(list((result.output / "annotations" / "voc").iterdir())) == 2
    labels = result.output / "annotations" / "yolo" / "labels"
    assert len([path for path in labels.iterdir() if path.name != "classes.txt"]) == 2


def test_overwriting_removes_annotations_too(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    detect(good_picture, out, model=models["detector"], annotations=["voc", "coco", "yolo"])
    detect(good_picture, out, model=models["detector"], overwrite=True)
    assert not (out / "annotations").exists()


def test_an_unknown_format(tmp_path: Path, good_picture: Path, models: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="coco, voc"):
        detect(good_picture, tmp_path / "out", model=models["detector"], formats=["doc"])
    assert not (tmp_path / "out").exists()


def test_zero_points_give_magnitudes(
    tmp_path: Path, good_fits: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    command = ("detect", good_fits, "--model", models["detector"], "--overwrite", "-o")
    result = galpipe_cli(*command, tmp_path / "out", "--zeropoint", "red=22.5,blue=25")
    assert result.exit_code == 0, result.output
    table = Catalogue.read(tmp_path / "out" / "catalogue.ecsv").table
    for name, point in (("red", 22.5), ("blue", 25.0)):
        flux, mag = np.asarray(table[f"flux_{name}"]), np.asarray(table[f"mag_{name}"])
        np.testing.assert_allclose(mag, point - 2.5 * np.log10(flux), atol=1e-3)
    assert np.isnan(np.asarray(table["mag_green"])).all()
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["config"]["zeropoint"] == {"red": 22.5, "blue": 25.0}
    assert galpipe_cli(*command, tmp_path / "out", "--zeropoint", "bright").exit_code == 2
    result = galpipe_cli(*command, tmp_path / "out", "--zeropoint", "z=22.5")
    assert result.exit_code == 0
    [field] = json.loads((tmp_path / "out" / "run.json").read_text())["fields"]
    assert any("no zero point was given" in note for note in field["notes"])
