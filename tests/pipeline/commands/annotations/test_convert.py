from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_annotations, write_voc
from galpipe.annotations.formats.registry import FORMATS
from galpipe.annotations.source import AnnotationSource
from galpipe.pipeline.commands.annotations.convert import command

Cli = Callable[..., Result]

BOXES = (
    ObjectBox("spiral", 2, 3, 20, 31, difficult=True),
    ObjectBox("ring", 0, 5.5, 30.25, 40, truncated=True, pose="Left"),
)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Two annotated images and one without objects, the images beside the annotations."""
    for name, boxes in (("a", BOXES), ("b", BOXES[:1]), ("c", ())):
        image = tmp_path / "images" / f"{name}.png"
        image.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(image), np.zeros((48, 64, 3), np.uint8))
        annotated = AnnotatedImage(image.name, 64, 48, 3, boxes)
        write_voc(tmp_path / "voc" / f"{name}.xml", annotated)
    return tmp_path / "voc"


def images_of(path: Path) -> list[AnnotatedImage]:
    return [image for _, image in AnnotationSource(path)]


def test_there_and_back(galpipe_cli: Cli, voc: Path, tmp_path: Path) -> None:
    coco = tmp_path / "coco.json"
    done = galpipe_cli("annotations", "convert", voc, coco)
    assert done.exit_code == 0, done.output
    assert f"read: {voc} (Pascal VOC" in done.output
    assert f"written: {coco} (COCO" in done.output
    assert "3 images with 3 objects of 2 classes" in done.output
    assert "cannot hold" not in done.output
    names = [category["name"] for category in json.loads(coco.read_text())["categories"]]
    assert names == ["ring", "spiral"]
    again = tmp_path / "again"
    assert galpipe_cli("annotations", "convert", coco, again, "--to", "voc").exit_code == 0
    assert images_of(again) == images_of(voc)


def test_what_is_lost_is_counted(galpipe_cli: Cli, voc: Path, tmp_path: Path) -> None:
    done = galpipe_cli("annotations", "convert", voc, tmp_path / "yolo", "--to", "yolo")
    assert done.exit_code == 0, done.output
    assert "cannot hold: the size of 3 images, 'difficult' of 2 objects, " in done.output
    assert "'truncated' of 1 object, the pose of 1 object" in done.output
    assert (tmp_path / "yolo" / "labels" / "c.txt").read_text() == ""


def test_difficult_objects_are_left_out_on_request(
    galpipe_cli: Cli, voc: Path, tmp_path: Path
) -> None:
    coco = tmp_path / "coco.json"
    done = galpipe_cli("annotations", "convert", voc, coco, "--skip-difficult")
    assert "3 images with 1 object of 1 class" in done.output
    assert "left out: 2 difficult objects" in done.output
    assert [len(image.objects) for image in images_of(coco)] == [1, 0, 0]


def test_the_rest_is_complete_when_a_file_fails(
    galpipe_cli: Cli, voc: Path, tmp_path: Path
) -> None:
    (voc / "b.xml").write_text("<annotation>")
    done = galpipe_cli("annotations", "convert", voc, tmp_path / "coco.json")
    assert done.exit_code == 1
    assert "b.xml" in done.output
    assert "2 images with 2 objects" in done.output
    assert len(images_of(tmp_path / "coco.json")) == 2


def test_nothing_is_written_when_all_fail(galpipe_cli: Cli, voc: Path, tmp_path: Path) -> None:
    for file in voc.iterdir():
        file.write_text("<annotation>")
    coco = tmp_path / "coco.json"
    done = galpipe_cli("annotations", "convert", voc, coco, "--from", "voc")
    assert done.exit_code == 1
    assert "a.xml" in done.output
    assert not coco.exists()


def test_faulty_boxes_are_kept_and_counted(galpipe_cli: Cli, tmp_path: Path) -> None:
    boxes = [ObjectBox("a", *edges) for edges in ((9, 9, 5, 5), (0, 0, 65, 9), (1, 1, 2, 2))]
    image = AnnotatedImage("a.png", 64, 48, 3, tuple(boxes))
    write_annotations(tmp_path / "in.json", [image], "coco")
    done = galpipe_cli("annotations", "convert", tmp_path / "in.json", tmp_path / "out.json")
    assert done.exit_code == 0
    assert "2 boxes inverted, empty or outside" in done.output
    assert "galpipe annotations check" in done.output
    assert images_of(tmp_path / "out.json")[0].objects == tuple(boxes)


def test_the_order_of_the_classes_is_that_of_the_label_map(
    galpipe_cli: Cli, voc: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "classes.txt"
    labels.write_text("spiral\nmerger\nring\n")
    coco = tmp_path / "coco.json"
    assert galpipe_cli("annotations", "convert", voc, coco, "--classes", labels).exit_code == 0
    names = [category["name"] for category in json.loads(coco.read_text())["categories"]]
    assert names == ["spiral", "merger", "ring"]
    # What a source declares is kept in its order, and also what has no object.
    yolo = tmp_path / "yolo"
    assert galpipe_cli("annotations", "convert", coco, yolo, "--to", "yolo").exit_code == 0
    assert (yolo / "classes.txt").read_text() == labels.read_text()


def test_a_class_that_the_label_map_lacks_is_refused(
    galpipe_cli: Cli, voc: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "classes.txt"
    labels.write_text("spiral\n")
    done = galpipe_cli("annotations", "convert", voc, tmp_path / "coco.json", "--classes", labels)
    assert done.exit_code == 1
    assert "'ring'" in done.output
    assert not (tmp_path / "coco.json").exists()


def test_strict_voc_counts_from_one(galpipe_cli: Cli, voc: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict"
    options = ["--to", "voc", "--voc-one-based"]
    coco = tmp_path / "coco.json"
    galpipe_cli("annotations", "convert", voc, coco)
    assert galpipe_cli("annotations", "convert", coco, strict, *options).exit_code == 0
    files = [file.read_text() for file in strict.rglob("a.xml")]
    assert "<xmin>3</xmin>" in files[0]
    assert "<xmax>20</xmax>" in files[0]
    back = tmp_path / "back.json"
    assert galpipe_cli("annotations", "convert", strict, back, "--voc-one-based").exit_code == 0
    assert images_of(back) == images_of(coco)


def test_nothing_is_replaced_unless_asked(galpipe_cli: Cli, voc: Path, tmp_path: Path) -> None:
    coco, folder = tmp_path / "coco.json", tmp_path / "out"
    coco.write_text("mine")
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for arguments in ([coco], [folder, "--to", "yolo"]):
        refused = galpipe_cli("annotations", "convert", voc, *arguments)
        assert refused.exit_code == 2
        assert "--overwrite" in refused.output
    assert coco.read_text() == "mine"
    for arguments in ([coco], [folder, "--to", "yolo"]):
        done = galpipe_cli("annotations", "convert", voc, *arguments, "--overwrite")
        assert done.exit_code == 0, done.output
    assert coco.read_text() != "mine"
    assert (folder / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("output", "options", "says"),
    [
        ("out", [], "--to"),
        ("out.docx", [], "--to"),
        ("out.json", ["--to", "cocco"], "there are"),
        ("out.json", ["--from", "cocco"], "there are"),
        ("images", ["--to", "coco"], "name a file"),
        ("voc/a.xml", ["--to", "yolo"], "name a folder"),
        ("out.json", ["--to", "via"], "not written"),
        ("out.json", ["--images", "nowhere"], "nowhere"),
        ("out.json", ["--classes", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage_says_the_cure(
    galpipe_cli: Cli, voc: Path, output: str, options: list[str], says: str
) -> None:
    done = galpipe_cli("annotations", "convert", voc, voc.parent / output, *options)
    assert done.exit_code in (1, 2)
    assert says in done.output
    assert "bug in galpipe" not in done.output


def test_the_help_names_every_format() -> None:
    assert command.help is not None
    for name, form in FORMATS.items():
        read_only = command.help.partition("written, ")[2].partition(" are read")[0]
        assert name in command.help
        assert (name in read_only) == (form.write is None)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.write])
def test_every_written_format_is_recognised(
    galpipe_cli: Cli, voc: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / f"out{FORMATS[name].suffix}"
    done = galpipe_cli("annotations", "convert", voc, output, "--to", name)
    assert done.exit_code == 0, done.output
    back = tmp_path / "back.json"
    done = galpipe_cli("annotations", "convert", output, back, "--images", tmp_path / "images")
    assert done.exit_code == 0, done.output
    assert f"({FORMATS[name].title})" in done.output


def test_a_table_needs_to_be_told_its_columns(galpipe_cli: Cli, tmp_path: Path) -> None:
    table, coco = tmp_path / "a.csv", tmp_path / "coco.json"
    table.write_text("col,row,extent\n10,20,8\n")
    convert = ("annotations", "convert", table, coco, "--from", "table")
    columns = ["--column", "x=col", "--column", "y=row", "--column", "size=extent"]
    done = galpipe_cli(*convert, *columns, "--origin", 1, "--class-name", "ring")
    assert done.exit_code == 0, done.output
    assert images_of(coco)[0].objects == (ObjectBox("ring", 5.5, 15.5, 13.5, 23.5),)
    wrong = galpipe_cli(*convert, "--overwrite", "--column", "col")
    assert wrong.exit_code == 2
    assert "NAME=COLUMN" in wrong.output
