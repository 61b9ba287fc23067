from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.formats.coco import FORMAT
from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError


def write(folder: Path, content: Any) -> Path:
    path = folder / "boxes.json"
    path.write_text(json.dumps(content))
    return path


def one(folder: Path, **annotation: Any) -> Path:
    """Write a file of one image and one annotation."""
    entry = {"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], **annotation}
    return write(
        folder,
        {
            "images": [{"id": 7, "file_name": "a.png", "width": 50, "height": 40}],
            "annotations": [{k: v for k, v in entry.items() if v is not ...}],
            "categories": [{"id": 3, "name": "galaxy"}],
        },
    )


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def failures(path: Path) -> tuple[list[AnnotatedImage], list[str]]:
    errors: list[InputError] = []
    images = read(path, on_error=errors.append)
    return images, [str(error) for error in errors]


def test_ids_may_be_anything_in_any_order(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "annotations": [
                {"image_id": "b", "category_id": 90, "bbox": [1, 2, 3, 4]},
                {"image_id": 10, "category_id": 7.0, "bbox": [5.5, 6, 7, 8]},
            ],
            "categories": [
                {"id": 90, "name": "z"},
                {"id": 7, "name": "y"},
                {"id": "text", "name": "x"},
            ],
            "images": [
                {"id": "b", "file_name": "b.png", "width": 50, "height": 40},
                {"id": 10, "file_name": "sub/a.png", "width": 60.0, "height": None},
            ],
        },
    )
    assert detect_format(path) is FORMAT
    assert read(path) == [
        AnnotatedImage("b.png", 50, 40, 3, (ObjectBox("z", 1, 2, 4, 6),)),
        AnnotatedImage("sub/a.png", 60, 0, 3, (ObjectBox("y", 5.5, 6, 12.5, 14),)),
    ]
    assert FORMAT.read_classes is not None
    assert FORMAT.read_classes(path) == ("y", "z", "x")


def test_a_folder_of_roboflow(tmp_path: Path) -> None:
    one(tmp_path).rename(tmp_path / "_annotations.coco.json")
    assert detect_format(tmp_path) is FORMAT
    [(file, image)] = FORMAT.read(tmp_path, ReadOptions())
    assert file == tmp_path / "_annotations.coco.json"
    assert image.labels == ("galaxy",)


def test_other_json_is_not_recognised(tmp_path: Path) -> None:
    for content in ([], {}, {"images": {}}, [{"images": []}], {"image": []}, 5):
        assert not FORMAT.recognises(write(tmp_path, content))
    assert not FORMAT.recognises(tmp_path)
    assert not FORMAT.recognises(tmp_path / "absent.json")


@pytest.mark.parametrize("bbox", [..., None, []])
def test_without_a_box_there_is_that_around_the_polygons(tmp_path: Path, bbox: Any) -> None:
    polygons = [[10, 20, 30, 25, 15, 40.5], [5, 30, 6, 31, 7, 32]]
    [image] = read(one(tmp_path, bbox=bbox, segmentation=polygons))
    assert image.objects[0].edges == (5, 20, 30, 40.5)


@pytest.mark.parametrize(
    ("flags", "difficult"),
    [
        ({}, False),
        ({"iscrowd": 0}, False),
        ({"iscrowd": 1}, True),
        ({"iscrowd": True, "segmentation": {"counts": [1, 2], "size": [3, 4]}}, True),
        ({"iscrowd": None, "ignore": 0}, False),
        ({"iscrowd": 0, "ignore": 1}, True),
        ({"ignore": "yes"}, True),
    ],
)
def test_crowds_and_ignored_objects_are_difficult(
    tmp_path: Path, flags: dict[str, Any], difficult: bool
) -> None:
    [image] = read(one(tmp_path, **flags))
    assert image.objects == (ObjectBox("galaxy", 1, 2, 4, 6, difficult=difficult),)


def test_attributes_of_other_tools(tmp_path: Path) -> None:
    attributes = {
        "occluded": False,
        "rotation": 0.5,
        "truncated": "true",
        "pose": "Left",
        "arms": ["two", 3],
        "note": None,
        "more": {"a": [1]},
    }
    [image] = read(one(tmp_path, attributes=attributes))
    assert image.objects == (
        ObjectBox(
            "galaxy",
            1,
            2,
            4,
            6,
            truncated=True,
            pose="Left",
            attributes=(
                ("occluded", "false"),
                ("rotation", "0.5"),
                ("arms", "two"),
                ("arms", "3"),
                ("note", ""),
                ("more", '{"a": [1]}'),
            ),
        ),
    )


def test_a_word_that_is_no_flag_stays_an_attribute(tmp_path: Path) -> None:
    [image] = read(one(tmp_path, attributes={"truncated": "by the edge"}))
    [box] = image.objects
    assert (box.truncated, box.attributes) == (False, (("truncated", "by the edge"),))


@pytest.mark.parametrize("bbox", [[9, 8, -3, -2], [4, 4, 0, 0], [-5, -5, 999, 999]])
def test_bad_boxes_come_as_they_stand(tmp_path: Path, bbox: list[float]) -> None:
    x, y, width, height = bbox
    [image] = read(one(tmp_path, bbox=bbox))
    assert image.objects[0].edges == (x, y, x + width, y + height)


def test_a_missing_size_comes_from_the_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 70, 3), np.uint8))
    path = write(tmp_path, {"images": [{"id": 1, "file_name": "a.png"}]})
    assert read(path, images=ImageFolder(tmp_path)) == [AnnotatedImage("a.png", 70, 30)]
    assert read(path) == [AnnotatedImage("a.png", 0, 0)]


def test_a_name_that_leads_out_of_the_images_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, {"images": [{"id": 1, "file_name": "../../etc/passwd"}]})
    with pytest.raises(InputError, match="does not name a file inside"):
        read(path, images=ImageFolder(tmp_path))


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"image_id": 8}, "annotation whose id is 5 belongs to image 8, which the file does not"),
        ({"image_id": [7]}, "has a wrong image_id: a list"),
        ({"image_id": True}, "has a wrong image_id: True"),
        ({"category_id": 4}, "is of category 4, which the file does not have"),
        ({"category_id": ...}, "has no category_id"),
        ({"bbox": [1, 2, 3]}, "has a bbox of 3 numbers, not 4"),
        (
            {"bbox": [1, 2, 3, "4"]},
            "has a wrong bbox[3]: the text '4' (Input should be a valid number)",
        ),
        ({"bbox": [1, 2, 3, None]}, "has no bbox[3]"),
        (
            {"bbox": [1, 2, 3, 1e300]},
            "a wrong bbox[3]: 1e+300 (Input should be less than 1000000000)",
        ),
        ({"bbox": [1, 2, 3, 10**400]}, "has a wrong bbox[3]"),
        ({"bbox": {"x": 1}}, "has a wrong bbox: an object (it should be a list)"),
        ({"bbox": ...}, "neither a bbox nor polygons"),
        ({"bbox": ..., "segmentation": {"counts": "x", "size": [1, 2]}}, "neither a bbox nor"),
        ({"bbox": ..., "segmentation": [[]]}, "neither a bbox nor polygons"),
        ({"bbox": ..., "segmentation": [[1, 2, 3]]}, "odd number"),
        ({"bbox": ..., "segmentation": [1, 2]}, "a wrong segmentation[0]: 1 (it should be a list)"),
        ({"bbox": ..., "segmentation": [[1, "x"]]}, "a wrong segmentation[0][1]: the text 'x'"),
        (
            {"iscrowd": "perhaps"},
            "has a wrong iscrowd: the text 'perhaps' ('perhaps' is neither yes nor no",
        ),
        ({"iscrowd": []}, "has a wrong iscrowd: a list"),
        ({"attributes": [1]}, "has a wrong attributes: a list (it should be an object in braces)"),
        ({"attributes": {"a": "\ud800"}}, "half a character"),
    ],
)
def test_a_bad_annotation_is_left_out_and_told(
    tmp_path: Path, annotation: dict[str, Any], message: str
) -> None:
    path = one(tmp_path, **annotation)
    if annotation.get("image_id", 7) == 7:
        images, [error, left_out] = failures(path)
        assert images == []
        assert "a.png is left out, as its only object" in left_out
    else:
        [image], [error] = failures(path)
        assert image == AnnotatedImage("a.png", 50, 40)
    assert message in error
    assert str(path) in error
    with pytest.raises(InputError):
        read(path)


@pytest.mark.parametrize("odd", [{"bbox": [float("nan"), 2, 3, 4]}, {"category_id": 9}, None])
def test_one_odd_annotation_costs_one_annotation(tmp_path: Path, odd: Any) -> None:
    content = json.loads(one(tmp_path, area=float("nan")).read_text())
    content["annotations"] += [None if odd is None else content["annotations"][0] | odd]
    [image], [error] = failures(write(tmp_path, content))
    assert image.objects == (ObjectBox("galaxy", 1, 2, 4, 6),)
    assert "annotation whose id is" in error


def test_null_stands_for_an_empty_list(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.png", "width": None}]
    path = write(tmp_path, {"images": images, "annotations": None, "categories": None})
    assert read(path) == [AnnotatedImage("a.png", 0, 0)]


def test_it_is_recognised_behind_a_long_description(tmp_path: Path) -> None:
    content = {"info": {"notes": ["x" * 150] * 1000, "icon": "data:" + "A" * 100_000}}
    path = write(tmp_path, content | json.loads(one(tmp_path).read_text()))
    assert path.read_text().index('"images"') > 2**17
    assert detect_format(path) is FORMAT
    assert read(path)[0].labels == ("galaxy",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_windows_are_read(tmp_path: Path, encoding: str) -> None:
    path = one(tmp_path)
    path.write_bytes(path.read_text().encode(encoding))
    assert detect_format(path) is FORMAT
    assert read(path)[0].labels == ("galaxy",)


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("images", {"id": 7, "file_name": "b.png"}, "image whose id is 7 has the id of an earlier"),
        ("images", {"id": 8}, "image whose id is 8 has no file_name"),
        (
            "images",
            {"id": 8, "file_name": " "},
            "has a wrong file_name: the text ' ' (text should not be blank)",
        ),
        ("images", {"id": 8, "file_name": "b", "width": -1}, "has a wrong width: -1"),
        (
            "images",
            {"id": 8, "file_name": "b", "height": 1.5},
            "has a wrong height: 1.5 (it should be a whole number)",
        ),
        (
            "images",
            {"id": {}, "file_name": "b"},
            "image whose id is an object has a wrong id: an object",
        ),
        ("images", "b.png", "image whose id is missing has a wrong content: the text 'b.png'"),
        ("categories", {"id": 3, "name": "star"}, "is called 'star', but was called 'galaxy'"),
        ("categories", {"id": 4, "name": 4}, "has a wrong name: 4 (it should be a text)"),
        ("annotations", None, "annotation whose id is missing has no content"),
    ],
)
def test_other_bad_entries_are_left_out_and_told(
    tmp_path: Path, key: str, entry: Any, message: str
) -> None:
    path = one(tmp_path)
    content = json.loads(path.read_text())
    content[key].append(entry)
    images, [error] = failures(write(tmp_path, content))
    assert message in error
    assert images == read(one(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "is not COCO: it has a wrong content: a list"),
        ("{}", "is not COCO: it has no images"),
        ('{"images": {}}', "has a wrong images: an object"),
        (
            '{"images": [], "annotations": 5}',
            r"it has a wrong annotations: 5 \(it should be a list\)",
        ),
        ('{"images": [' + "1" * 5000 + "]}", "not JSON"),
    ],
)
def test_what_is_no_coco_is_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read(path, on_error=lambda _: None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.data())
def test_any_value_in_any_place_gives_boxes_or_our_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = json.loads(
        one(
            tmp_path, iscrowd=0, segmentation=[[1, 2, 3, 4]], attributes={"pose": "Left"}
        ).read_text()
    )
    place: Any = content
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else [0]))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(_JSON)
    path = write(tmp_path, content)
    try:
        for image in read(path, on_error=lambda _: None):
            assert np.isfinite(image.boxes).all()
    except InputError:
        pass
