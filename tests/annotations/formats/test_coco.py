from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox, write_annotations
from galpipe.annotations.formats.coco import FORMAT
from galpipe.annotations.formats.format import ReadOptions
from galpipe.errors import InputError, OutputError

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


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def write_coco(
    path: Path, images: Iterable[AnnotatedImage], names: Sequence[str] | None = None
) -> Path:
    return write_annotations(path, images, "coco", class_names=names)


def test_the_file_is_as_expected(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "boxes.json", IMAGES)
    assert json.loads(path.read_text()) == GOLDEN


def test_category_ids_follow_the_class_list(tmp_path: Path) -> None:
    names = ("star", "nebula", "galaxy")
    path = write_coco(tmp_path / "boxes.json", iter(IMAGES), names)
    data = json.loads(path.read_text())
    assert [c["name"] for c in data["categories"]] == ["star", "nebula", "galaxy"]
    assert [a["category_id"] for a in data["annotations"]] == [1, 3]
    assert FORMAT.read_classes is not None
    assert FORMAT.read_classes(path) == names
    assert read(path) == IMAGES


def test_a_label_outside_the_class_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m51\.jpg has an object 'star'"):
        write_coco(tmp_path / "boxes.json", IMAGES, ("galaxy",))
    assert not list(tmp_path.iterdir())


def test_nothing_at_all_is_a_file_too(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "boxes.json", [])
    assert json.loads(path.read_text()) == {"images": [], "annotations": [], "categories": []}
    assert FORMAT.recognises(path)
    assert read(path) == []


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"boxes\.json"):
        write_coco(tmp_path / "file" / "boxes.json", IMAGES)


_EDGE = st.one_of(
    st.integers(0, 5000).map(float), st.floats(0, 1e8), st.sampled_from([0.1, 5e-324])
)
_WORD = st.text(st.characters(codec="utf-8"), max_size=6)


@st.composite
def _objects(draw: st.DrawFn) -> ObjectBox:
    xmin, xmax = sorted((draw(_EDGE), draw(_EDGE)))
    ymin, ymax = sorted((draw(_EDGE), draw(_EDGE)))
    names = st.one_of(st.sampled_from(["truncated", "pose", "bar"]), _WORD)
    attributes = draw(st.dictionaries(names, st.lists(_WORD, min_size=1, max_size=3), max_size=3))
    return ObjectBox(
        draw(_WORD.filter(str.strip)),
        xmin,
        ymin,
        xmax,
        ymax,
        difficult=draw(st.booleans()),
        truncated=draw(st.booleans()),
        pose=draw(_WORD),
        attributes=tuple((name, text) for name, texts in attributes.items() for text in texts),
    )


@given(st.lists(_objects(), max_size=3), st.integers(0, 10**6), st.integers(1, 4))
def test_writing_and_reading_keeps_everything(
    boxes: list[ObjectBox], width: int, depth: int
) -> None:
    images = [AnnotatedImage("é/m 51.png", width, 20, depth, tuple(boxes)), *IMAGES]
    with TemporaryDirectory() as folder:
        got = read(write_coco(Path(folder) / "boxes.json", images))
    assert got[1:] == IMAGES
    assert (got[0].filename, got[0].width, got[0].depth) == ("é/m 51.png", width, depth)
    assert len(got[0].objects) == len(boxes)
    for box, expected in zip(got[0].objects, boxes, strict=True):
        # Attributes called as the flags are come first, for they share a name with these.
        assert sorted(box.attributes) == sorted(expected.attributes)
        assert {**_parts(box), "attributes": ()} == {**_parts(expected), "attributes": ()}


def _parts(box: ObjectBox) -> dict[str, Any]:
    return {name: getattr(box, name) for name in ObjectBox.__slots__}


@given(st.lists(st.floats(-1e8, 1e8), min_size=4, max_size=4))
def test_boxes_beyond_the_image_are_kept_as_well_as_floats_can(edges: list[float]) -> None:
    image = AnnotatedImage("a.png", 9, 9, 3, (ObjectBox("a", *edges),))
    with TemporaryDirectory() as folder:
        path = write_coco(Path(folder) / "boxes.json", [image])
        [entry] = json.loads(path.read_text())["annotations"]
    x, y, width, height = entry["bbox"]
    assert (x, y) == tuple(edges[:2])
    np.testing.assert_allclose((x + width, y + height), edges[2:], rtol=0, atol=1e-7)


def _score(path: Path) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        found = [
            {**{k: a[k] for k in ("image_id", "category_id", "bbox")}, "score": 0.9}
            for a in truth.dataset["annotations"]
            if not a["iscrowd"]
        ]
        scoring = COCOeval(truth, truth.loadRes(found), "bbox")
        scoring.evaluate()
        scoring.accumulate()
        scoring.summarize()
    return scoring.stats


@pytest.mark.tensorflow
def test_pycocotools_reads_the_file_and_gives_it_full_marks(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    path = write_coco(tmp_path / "boxes.json", IMAGES)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    assert sorted(coco.getImgIds()) == [1, 2]
    assert coco.getAnnIds(imgIds=1, iscrowd=False) == [1]
    assert coco.loadCats(2)[0]["name"] == "star"
    assert _score(path)[0] == pytest.approx(1.0)


@pytest.mark.tensorflow
def test_pycocotools_gives_the_real_annotations_full_marks(
    galpipe_data: Path, tmp_path: Path
) -> None:
    from galpipe.annotations.formats.voc import FORMAT as VOC

    pairs = VOC.read(galpipe_data / "gz2" / "annotations", ReadOptions())
    images = [image for _, image in pairs]
    assert _score(write_coco(tmp_path / "boxes.json", images))[0] == pytest.approx(1.0)


def test_supervision_reads_the_file_as_we_do(tmp_path: Path) -> None:
    import cv2

    supervision = pytest.importorskip("supervision")

    cv2.imwrite(str(tmp_path / "m51.jpg"), np.zeros((300, 424, 3), np.uint8))
    path = write_coco(tmp_path / "boxes.json", IMAGES[:1])
    data = supervision.DetectionDataset.from_coco(str(tmp_path), str(path))
    [(_, _, found)] = list(data)
    assert [data.classes[index] for index in found.class_id] == ["star", "galaxy"]
    np.testing.assert_array_equal(found.xyxy, IMAGES[0].boxes)
    data.as_coco(annotations_path=str(tmp_path / "again.json"))
    [again] = read(tmp_path / "again.json")
    assert again.labels == IMAGES[0].labels
    np.testing.assert_array_equal(again.boxes, IMAGES[0].boxes)
