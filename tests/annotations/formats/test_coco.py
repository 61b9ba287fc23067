from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, to_coco, write_coco
from galpipe.errors import InputError

IMAGES = [
    AnnotatedImage(
        "m51.jpg",
        424,
        300,
        3,
        (
            ObjectBox("star", 0, 12, 30.5, 300, truncated=True),
            ObjectBox("galaxy", 1, 2, 3, 5, difficult=True, pose="Left"),
        ),
    ),
    AnnotatedImage("empty.jpg", 10, 20),
]

GOLDEN = {
    "images": [
        {"id": 1, "file_name": "m51.jpg", "width": 424, "height": 300},
        {"id": 2, "file_name": "empty.jpg", "width": 10, "height": 20},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 2,
            "bbox": [0.0, 12.0, 30.5, 288.0],
            "area": 8784.0,
            "iscrowd": 0,
            "segmentation": [],
            "attributes": {"truncated": True, "pose": "Unspecified"},
        },
        {
            "id": 2,
            "image_id": 1,
            "category_id": 1,
            "bbox": [1.0, 2.0, 2.0, 3.0],
            "area": 6.0,
            "iscrowd": 1,
            "segmentation": [],
            "attributes": {"truncated": False, "pose": "Left"},
        },
    ],
    "categories": [
        {"id": 1, "name": "galaxy", "supercategory": ""},
        {"id": 2, "name": "star", "supercategory": ""},
    ],
}


def test_the_file_is_as_expected(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "boxes.json", IMAGES)
    assert json.loads(path.read_text()) == GOLDEN


def test_category_ids_follow_the_class_list() -> None:
    data = to_coco(IMAGES, ("star", "nebula", "galaxy"))
    assert [c["name"] for c in data["categories"]] == ["star", "nebula", "galaxy"]
    assert [a["category_id"] for a in data["annotations"]] == [1, 3]


def test_a_label_outside_the_class_list_is_told() -> None:
    with pytest.raises(InputError, match=r"m51\.jpg has an object 'star'"):
        to_coco(IMAGES, ("galaxy",))


def test_pycocotools_reads_the_file(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    path = write_coco(tmp_path / "boxes.json", IMAGES)
    with contextlib.redirect_stdout(io.StringIO()):
        read = coco.COCO(str(path))
    assert sorted(read.getImgIds()) == [1, 2]
    assert read.getAnnIds(imgIds=1, iscrowd=False) == [1]
    assert read.loadCats(2)[0]["name"] == "star"
