from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.annotations.formats.voc import read_voc

Cli = Callable[..., Result]

SOUND = ObjectBox("spiral", 2, 3, 20, 31)


def annotate(folder: Path, name: str, *boxes: ObjectBox, size: tuple[int, int] = (64, 48)) -> None:
    write_voc(folder / "voc" / f"{name}.xml", AnnotatedImage(f"{name}.png", *size, 3, boxes))


def draw(folder: Path, name: str) -> Path:
    path = folder / "images" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    annotate(tmp_path, "good", SOUND)
    draw(tmp_path, "good")
    return tmp_path / "voc"


@pytest.fixture
def faulty(tmp_path: Path, sound: Path) -> Path:
    """One annotation, or image, for each fault."""
    box = ObjectBox
    annotate(tmp_path, "outside", box("ring", 50, 40, 70, 50), SOUND)
    annotate(tmp_path, "inverted", SOUND, box("ring", 30, 10, 20, 5))
    annotate(tmp_path, "empty", box("ring", 30, 10, 30, 15), SOUND)
    annotate(tmp_path, "small", box("ring", 30, 10, 31.5, 15))
    annotate(tmp_path, "twins", SOUND, SOUND, box("spiral", 2, 3, 20.25, 31))
    annotate(tmp_path, "size", SOUND, size=(100, 100))
    annotate(tmp_path, "missing", SOUND)
    annotate(tmp_path, "broken", SOUND)
    annotate(tmp_path, "bare")
    annotate(tmp_path, "class", box("sprial", 5, 5, 9, 9))
    for file in sound.iterdir():
        if file.stem != "missing":
            draw(tmp_path, file.stem)
    half = draw(tmp_path, "broken")
    half.write_bytes(half.read_bytes()[:-20])
    text = (sound / "good.xml").read_text()
    (sound / "good copy.xml").write_text(text)
    (sound / "syntax.xml").write_text("<annotation>")
    (tmp_path / "labels.txt").write_text("ring\nspiral\n")
    return sound


EXPECTED = {
    ("unreadable-annotation", "", None),
    ("missing-image", "missing.png", None),
    ("unreadable-image", "broken.png", None),
    ("image-twice", "good.png", None),
    ("wrong-size", "size.png", None),
    ("unknown-class", "class.png", 1),
    ("inverted", "inverted.png", 2),
    ("empty", "empty.png", 1),
    ("outside", "outside.png", 1),
    ("small", "small.png", 1),
    ("duplicate", "twins.png", 2),
    ("duplicate", "twins.png", 3),
}


def test_sound_annotations_have_no_fault(galpipe_cli: Cli, sound: Path) -> None:
    done = galpipe_cli("annotations", "check", sound)
    assert done.exit_code == 0, done.output
    assert "0 issues in 1 object on 1 image" in done.output


def test_every_fault_is_found(galpipe_cli: Cli, faulty: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = ["--classes", tmp_path / "labels.txt", "--smallest", 2, "--report", report]
    done = galpipe_cli("annotations", "check", faulty, *options)
    assert done.exit_code == 1
    found = json.loads(report.read_text())
    places = {(fault["kind"], fault["image"], fault["object"]) for fault in found["faults"]}
    assert places == EXPECTED
    assert len(found["faults"]) == len(EXPECTED)
    assert found["counts"]["duplicate"] == 2
    assert (found["format"], found["images"], found["changes"]) == ("voc", 12, [])
    for title in ("inverted box", "two annotations of one image", "image unreadable"):
        assert title in done.output
    assert "12 issues in 16 objects on 12 images" in done.output


def test_images_without_objects_and_without_annotations_are_no_faults(
    galpipe_cli: Cli, sound: Path, tmp_path: Path
) -> None:
    annotate(tmp_path, "bare")
    for name in ("bare", "extra"):
        draw(tmp_path, name)
    report = tmp_path / "report.json"
    done = galpipe_cli("annotations", "check", sound, "--report", report)
    assert done.exit_code == 0, done.output
    assert "1 image without objects" in done.output
    assert "1 image without an annotation, not used: extra.png" in done.output
    content = json.loads(report.read_text())
    assert (content["without_objects"], content["not_annotated"]) == (1, ["extra.png"])


def test_without_images_what_they_would_show_is_not_asked(
    galpipe_cli: Cli, faulty: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    report = tmp_path / "report.csv"
    done = galpipe_cli("annotations", "check", faulty, "--report", report)
    assert done.exit_code == 1
    assert "--images" in done.output
    with report.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["kind"] for row in rows}
    assert {row["record"] for row in rows} == {"fault"}
    assert not kinds & {"missing-image", "unreadable-image", "wrong-size", "unknown-class", "small"}
    assert {"inverted", "empty", "outside", "duplicate", "image-twice"} <= kinds


def test_what_is_safe_is_repaired_elsewhere(galpipe_cli: Cli, faulty: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in faulty.iterdir()}
    repaired, report = tmp_path / "repaired", tmp_path / "report.json"
    done = galpipe_cli("annotations", "check", faulty, "--fix", repaired, "--report", report)
    assert done.exit_code == 1
    assert {file: file.read_bytes() for file in faulty.iterdir()} == before
    boxes = {file.stem: read_voc(file).objects for file in repaired.rglob("*.xml")}
    assert set(boxes) == {file.stem for file in before} - {"syntax", "good copy"}
    assert boxes["outside"] == (ObjectBox("ring", 50, 40, 64, 48), SOUND)
    assert boxes["inverted"] == (SOUND, ObjectBox("ring", 20, 5, 30, 10))
    assert boxes["empty"] == (SOUND,)
    assert boxes["twins"] == (SOUND, ObjectBox("spiral", 2, 3, 20.25, 31))
    assert read_voc(next(repaired.rglob("size.xml"))).width == 64
    changes = json.loads(report.read_text())["changes"]
    assert sorted((change["kind"], change["image"]) for change in changes) == [
        ("clipped", "outside.png"),
        ("dropped", "empty.png"),
        ("dropped", "twins.png"),
        ("left-out", "good.png"),
        ("size", "size.png"),
        ("swapped", "inverted.png"),
    ]
    again = galpipe_cli("annotations", "check", repaired, "--images", tmp_path / "images")
    for kind in ("inverted", "empty box", "outside", "size differs", "two annotations"):
        assert kind not in again.output


def test_nothing_is_replaced_unless_asked(galpipe_cli: Cli, faulty: Path, tmp_path: Path) -> None:
    itself = galpipe_cli("annotations", "check", faulty, "--fix", faulty, "--overwrite")
    assert itself.exit_code == 2
    assert "elsewhere" in itself.output
    images = tmp_path / "images"
    there = galpipe_cli("annotations", "check", faulty, "--fix", images)
    assert there.exit_code == 2
    assert "--overwrite" in there.output


def test_read_only_formats_are_repaired_as_voc(galpipe_cli: Cli, tmp_path: Path) -> None:
    shape = {"name": "rect", "x": -5, "y": 2, "width": 15, "height": 9}
    region = {"shape_attributes": shape, "region_attributes": {"class": "ring"}}
    name = draw(tmp_path, "a").name
    (tmp_path / "via.json").write_text(
        json.dumps({f"{name}9": {"filename": name, "size": 9, "regions": [region]}})
    )
    repaired = tmp_path / "repaired"
    done = galpipe_cli("annotations", "check", tmp_path / "via.json", "--fix", repaired)
    assert done.exit_code == 1
    assert "1 repair in the copy" in done.output
    (file,) = repaired.rglob("*.xml")
    assert read_voc(file).objects == (ObjectBox("ring", 0, 2, 10, 11),)


def test_a_report_has_one_of_two_forms(galpipe_cli: Cli, sound: Path) -> None:
    done = galpipe_cli("annotations", "check", sound, "--report", "faults.txt")
    assert done.exit_code == 2
    assert ".json or .csv" in done.output


def test_the_real_boxes_have_no_fault(galpipe_cli: Cli, galpipe_data: Path) -> None:
    done = galpipe_cli("annotations", "check", galpipe_data / "gz2" / "annotations")
    assert done.exit_code == 0, done.output
    assert "0 issues in 2,336 objects on 688 images" in done.output
