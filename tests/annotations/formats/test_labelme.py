from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.formats.labelme import FORMAT
from galpipe.annotations.source import AnnotationSource, write_annotations


def file_of(*shapes: dict[str, Any], **parts: Any) -> str:
    """Content as LabelMe writes it, with the picture in it."""
    content = {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "a.png",
        "imageData": "iVBORw0KGgo" * 1000,
        "imageHeight": 48,
        "imageWidth": 64,
    }
    return json.dumps(content | parts)


def shape(kind: str, *points: list[float], **parts: Any) -> dict[str, Any]:
    return {"label": "spiral", "points": points, "shape_type": kind, "flags": {}, **parts}


def objects(folder: Path, *shapes: dict[str, Any]) -> tuple[ObjectBox, ...]:
    (folder / "a.json").write_text(file_of(*shapes))
    source = AnnotationSource(folder / "a.json")
    [[_, image]] = list(source)
    assert source.form is FORMAT
    assert not source.failures
    assert (image.filename, image.width, image.height) == ("a.png", 64, 48)
    return image.objects


@pytest.mark.parametrize(
    ("drawn", "edges"),
    [
        (shape("rectangle", [20.5, 30], [3, 4.25]), (3, 4.25, 20.5, 30)),
        (shape("rectangle", [3, 4], [20, 4], [20, 30], [3, 30]), (3, 4, 20, 30)),
        (shape("polygon", [1, 2], [9, 3], [5, 12]), (1, 2, 9, 12)),
        (shape("linestrip", [1, 2], [9, 3], [5, 12]), (1, 2, 9, 12)),
        (shape("circle", [20, 20], [23, 24]), (15, 15, 25, 25)),
        (shape("rotation", [20, 10], [30, 20], [20, 30], [10, 20]), (10, 10, 30, 30)),
        (shape("mask", [3, 4], [9, 11], mask="iVBOR"), (3, 4, 10, 12)),
    ],
)
def test_shapes_become_boxes(
    tmp_path: Path, drawn: dict[str, Any], edges: tuple[float, ...]
) -> None:
    [box] = objects(tmp_path, drawn)
    assert box == ObjectBox("spiral", *edges)


def test_flags_and_attributes(tmp_path: Path) -> None:
    rectangle = ("rectangle", [1, 2], [9, 12])
    plain, labelme, other = objects(
        tmp_path,
        shape(*rectangle, flags=None, group_id=None, description=""),
        shape(
            *rectangle, flags={"difficult": True, "truncated": True, "barred": True, "ring": False}
        ),
        shape(
            *rectangle,
            difficult=True,
            score=0.75,
            attributes={"arms": "2"},
            description="faint",
            group_id=3,
        ),
    )
    assert plain == ObjectBox("spiral", 1, 2, 9, 12)
    assert labelme == ObjectBox("spiral", 1, 2, 9, 12, True, True, attributes=(("barred", "true"),))
    kept = (("arms", "2"), ("score", "0.75"), ("description", "faint"), ("group_id", "3"))
    assert other == ObjectBox("spiral", 1, 2, 9, 12, True, attributes=kept)


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (shape("point", [1, 2]), "has no extent"),
        (shape("line", [1, 2], [3, 4]), "has no extent"),
        (shape("polygon", [1, 2]), "1 points"),
        (shape("rectangle", [1], [2, 3]), "points[0]"),
        (shape("rectangle", [1, 2], [9, 12], label=" "), "wrong label"),
    ],
)
def test_one_odd_shape_costs_one_object(tmp_path: Path, drawn: dict[str, Any], says: str) -> None:
    good = shape("rectangle", [1, 2], [9, 12])
    (tmp_path / "a.json").write_text(file_of(good, drawn))
    (tmp_path / "b.json").write_text(file_of(drawn, imagePath="b.png"))
    source = AnnotationSource(tmp_path)
    [[_, image]] = list(source)
    assert image.filename == "a.png"
    assert len(image.objects) == 1
    first, second, left_out = map(str, source.failures)
    assert "a.json: shape 1 of a.png" in first
    assert says in first
    assert "b.json: shape 0 of b.png" in second
    assert "the image b.png is left out" in left_out


def test_names_are_relative_to_the_file(tmp_path: Path) -> None:
    for place in ("images/a.png", "images/field/b.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / place), np.zeros((48, 64, 3), np.uint8))
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    (boxes / "renamed.json").write_text(file_of(imagePath="..\\images\\a.png"))
    (boxes / "b.json").write_text(file_of(imagePath="/home/me/b.png", imageHeight=None))
    found = {image.filename: image for _, image in AnnotationSource(boxes)}
    assert set(found) == {"a.png", "field/b.png"}
    assert (found["field/b.png"].width, found["field/b.png"].height) == (64, 48)


def test_editors_find_the_image_of_a_written_file(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "a.png"), np.zeros((48, 64, 3), np.uint8))
    source = AnnotationSource(
        write_annotations(tmp_path / "in.json", [AnnotatedImage("a.png", 64, 48)], "coco")
    )
    [[_, image]] = list(source)
    image = replace(image, objects=(ObjectBox("spiral", 1, 2, 9, 12, difficult=True),))
    write_annotations(tmp_path / "boxes", [image], "labelme", images_of=source.images)
    content = json.loads((tmp_path / "boxes" / "a.json").read_text())
    assert (content["imagePath"], content["imageWidth"]) == ("../images/a.png", 64)
    [drawn] = content["shapes"]
    assert (drawn["points"], drawn["flags"]) == ([[1, 2], [9, 12]], {"difficult": True})
