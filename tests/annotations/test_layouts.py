"""Data sets as programs lay them out: every command finds all annotations and images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import read_annotated_images
from galpipe.annotations.source import AnnotationSource

Cli = Callable[..., Result]

# Two images of 100 x 80 pixels with one box each.
NAMES = ("a", "b")
EDGES = (10.0, 20.0, 40.0, 60.0)
YOLO_LINE = "0 0.25 0.5 0.3 0.5\n"


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(ord(path.stem[0])).integers(0, 255, (8, 10, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(noise, (100, 80), interpolation=cv2.INTER_NEAREST))


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def voc(path: Path, filename: str) -> None:
    edges = "".join(
        f"<{tag}>{edge:g}</{tag}>"
        for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), EDGES, strict=True)
    )
    text(
        path,
        f"<annotation><filename>{filename}</filename><size><width>100</width><height>80</height>"
        f"<depth>3</depth></size><object><name>galaxy</name><bndbox>{edges}</bndbox></object>"
        "</annotation>",
    )


def coco(path: Path, *file_names: str) -> None:
    ids = range(1, 1 + len(file_names))
    images = [
        {"id": i, "file_name": name, "width": 100, "height": 80}
        for i, name in zip(ids, file_names, strict=True)
    ]
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 20, 30, 40]} for i in ids]
    categories = [{"id": 1, "name": "galaxy"}]
    text(path, json.dumps({"images": images, "annotations": boxes, "categories": categories}))


def labelimg(root: Path) -> None:
    for name in NAMES:
        image(root / f"{name}.jpg")
        voc(root / f"{name}.xml", f"{name}.jpg")


def pascal_voc(root: Path) -> None:
    for name in NAMES:
        image(root / "JPEGImages" / f"{name}.jpg")
        voc(root / "Annotations" / f"{name}.xml", f"{name}.jpg")
    text(root / "ImageSets" / "Main" / "train.txt", "a\nb\n")


def cvat_voc(root: Path) -> None:
    for place, name in (("s1", "a"), ("s2", "b")):
        image(root / "JPEGImages" / place / f"{name}.jpg")
        voc(root / "Annotations" / place / f"{name}.xml", f"{place}/{name}.jpg")
    text(root / "ImageSets" / "Main" / "default.txt", "s1/a\ns2/b\n")


def roboflow_voc(root: Path) -> None:
    for place, name in (("train", "a"), ("valid", "b")):
        image(root / place / f"{name}.jpg")
        voc(root / place / f"{name}.xml", f"{name}.jpg")


def ultralytics(root: Path) -> None:
    for place, name in (("train", "a"), ("val", "b")):
        image(root / "images" / place / f"{name}.jpg")
        text(root / "labels" / place / f"{name}.txt", YOLO_LINE)
    text(
        root / "galaxies.yaml", "path: .\ntrain: images/train\nval: images/val\nnames: {0: galaxy}"
    )


def ultralytics_lists(root: Path) -> None:
    for name in NAMES:
        image(root / "images" / f"{name}.jpg")
        text(root / "labels" / f"{name}.txt", YOLO_LINE)
    text(root / "train.txt", "./images/a.jpg\n./images/b.jpg\n")
    text(root / "data.yaml", "train: train.txt\nval: train.txt\nnames: [galaxy]")


def roboflow_yolo(root: Path) -> None:
    for place, name in (("train", "a"), ("valid", "b")):
        image(root / place / "images" / f"{name}.jpg")
        text(root / place / "labels" / f"{name}.txt", YOLO_LINE)
    text(root / "README.roboflow.txt", "1 2 3 4 5\n")
    text(root / "data.yaml", "train: ../train/images\nval: ../valid/images\nnames: [galaxy]")


def darknet(root: Path) -> None:
    for name in NAMES:
        image(root / "obj_train_data" / f"{name}.jpg")
        text(root / "obj_train_data" / f"{name}.txt", YOLO_LINE)
    text(root / "obj.names", "galaxy\n")
    text(root / "obj.data", "classes = 1\nnames = data/obj.names\n")
    text(root / "train.txt", "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n")


def yolo_mark(root: Path) -> None:
    for name in NAMES:
        image(root / "img" / f"{name}.jpg")
        text(root / "img" / f"{name}.txt", YOLO_LINE)
    text(root / "obj.names", "galaxy\n")
    text(root / "obj.data", "classes= 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    text(root / "train.txt", "data/img/a.jpg\ndata/img/b.jpg\n")


def label_studio_coco(root: Path) -> None:
    for name in NAMES:
        image(root / "images" / f"{name}.jpg")
    coco(root / "result.json", "images/a.jpg", "images/b.jpg")


def roboflow_coco(root: Path) -> None:
    for place, name in (("train", "a"), ("valid", "b")):
        image(root / place / f"{name}.jpg")
        coco(root / place / "_annotations.coco.json", f"{name}.jpg")


def cvat_coco(root: Path) -> None:
    for name in NAMES:
        image(root / "images" / "default" / f"{name}.jpg")
    coco(root / "annotations" / "instances_default.json", "a.jpg", "b.jpg")


def coco_2017(root: Path) -> None:
    for place, name in (("train2017", "a"), ("val2017", "b")):
        image(root / place / f"{name}.jpg")
        coco(root / "annotations" / f"instances_{place}.json", f"{name}.jpg")


def names_of_windows(root: Path) -> None:
    for name in NAMES:
        image(root / "images" / f"{name}.jpg")
    coco(root / "boxes.json", "C:\\Users\\me\\images\\A.JPG", "C:\\Users\\me\\images\\B.JPG")


LAYOUTS = (
    labelimg,
    pascal_voc,
    cvat_voc,
    roboflow_voc,
    ultralytics,
    ultralytics_lists,
    roboflow_yolo,
    darknet,
    yolo_mark,
    label_studio_coco,
    roboflow_coco,
    cvat_coco,
    coco_2017,
    names_of_windows,
)


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.__name__)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    request.param(tmp_path / "set")
    return tmp_path / "set"


def test_every_command_finds_all_images(galpipe_cli: Cli, root: Path, tmp_path: Path) -> None:
    out, split = tmp_path / "out.json", tmp_path / "split"
    for command in (
        ("check", root),
        ("stats", root),
        ("view", root, "-o", tmp_path / "view.html"),
        ("split", root, "-o", split, "--test", 0.5, "--validation", 0, "--no-near-duplicates"),
        ("convert", root, out),
    ):
        done = galpipe_cli("annotations", *command)
        assert done.exit_code == 0, f"{command[0]}: {done.output}"
    assert sum(len((split / f"{side}.txt").read_text().split()) for side in ("train", "test")) == 2
    source = AnnotationSource(out, images=root)
    assert sorted(path.stem for path, _ in source.located()) == ["a", "b"]


def test_boxes_sizes_and_names_are_right(root: Path) -> None:
    images = [image for _, image in AnnotationSource(root)]
    assert len({image.filename for image in images}) == 2
    for annotated in images:
        assert (annotated.width, annotated.height) == (100, 80)
        assert annotated.labels == ("galaxy",)
        np.testing.assert_allclose(annotated.boxes, [EDGES], atol=1e-6)


def test_a_training_finds_all_images(root: Path) -> None:
    pairs = read_annotated_images(root, root)
    assert sorted(path.stem for path, _ in pairs) == ["a", "b"]
    assert all(path.is_file() for path, _ in pairs)
