from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import ObjectBox
from galpipe.annotations.formats.labelstudio import FORMAT
from galpipe.annotations.source import AnnotationSource

SIZE = {"original_width": 200, "original_height": 50, "image_rotation": 0}


def result(kind: str, chosen: list[str] | None = None, **value: Any) -> dict[str, Any]:
    """Result of one region; places and sizes are percentages."""
    if chosen is not None:
        value[kind] = chosen
    place = {"from_name": "label", "to_name": "image", "type": kind, "value": value}
    return {**SIZE, "id": f"{kind}{sorted(value.items())}", "origin": "manual", **place}


def rectangle(labels: tuple[str, ...] = ("spiral",), **value: Any) -> dict[str, Any]:
    place = {"x": 10, "y": 20, "width": 30.5, "height": 40, "rotation": 0}
    return result("rectanglelabels", list(labels), **{**place, **value})


def task(image: str, *annotations: list[dict[str, Any]], **data: Any) -> dict[str, Any]:
    made = [
        {"id": number, "completed_by": 1, "result": results, "was_cancelled": False}
        for number, results in enumerate(annotations)
    ]
    return {"id": 1, "annotations": made, "predictions": [], "data": {"image": image, **data}}


def write(folder: Path, *tasks: dict[str, Any]) -> AnnotationSource:
    path = folder / "project-1.json"
    path.write_text(json.dumps(tasks))
    return AnnotationSource(path)


@pytest.mark.parametrize(
    ("drawn", "edges"),
    [
        (rectangle(), (20, 10, 81, 30)),
        # Rotated around the first corner, clockwise: 20 by 20 pixels at (20, 10).
        (rectangle(width=10, height=40, rotation=90), (0, 10, 20, 30)),
        (rectangle(width=10, height=20, rotation=-90.0), (20, -10, 30, 10)),
        (
            result("ellipselabels", ["spiral"], x=50, y=50, radiusX=10, radiusY=20, rotation=0),
            (80, 15, 120, 35),
        ),
        (
            result("ellipselabels", ["spiral"], x=50, y=50, radiusX=10, radiusY=20, rotation=90),
            (90, 5, 110, 45),
        ),
        (
            result("polygonlabels", ["spiral"], points=[[10, 20], [30, 20.5], [20, 60]]),
            (20, 10, 60, 30),
        ),
        (
            result("rectangle", None, x=10, y=20, width=30.5, height=40, labels=["spiral"]),
            (20, 10, 81, 30),
        ),
    ],
)
def test_percentages_become_pixels(
    tmp_path: Path, drawn: dict[str, Any], edges: tuple[float, ...]
) -> None:
    source = write(tmp_path, task("/data/upload/1/1fab03d2-a.png", [drawn]))
    [[_, image]] = list(source)
    assert source.form is FORMAT
    assert not source.failures
    assert (image.filename, image.width, image.height) == ("a.png", 200, 50)
    assert image.objects == (ObjectBox("spiral", *edges),)


def test_a_region_in_several_results(tmp_path: Path) -> None:
    """Its shape, its class and what was chosen for it have one id."""
    shape = {**result("rectangle", None, x=10, y=20, width=30.5, height=40), "id": "r"}
    label = {**result("labels", ["merger"]), "id": "r"}
    chosen = {**result("choices", ["Difficult", "barred"]), "id": "r", "from_name": "shape"}
    image_wide = result("choices", ["night"])
    source = write(tmp_path, task("a.png", [shape, label, chosen, image_wide]))
    [[_, image]] = list(source)
    [box] = image.objects
    assert (box.label, box.difficult, box.attributes) == ("merger", True, (("shape", "barred"),))
    assert not source.failures


def test_the_small_export(tmp_path: Path) -> None:
    part = {"x": 10, "y": 20, "width": 30.5, "height": 40, "rotation": 0, **SIZE}
    labelled = {"image": "/data/upload/1/1fab03d2-a.png", "id": 1, "annotator": 1, "lead_time": 9}
    rows = [
        {**labelled, "annotation_id": 1, "label": [{**part, "rectanglelabels": ["spiral"]}]},
        {**labelled, "annotation_id": 2, "image": "/data/upload/1/1fab03d2-b.png"},
    ]
    source = write(tmp_path, *rows)
    [_, first], [_, second] = list(source)
    assert source.form is FORMAT
    assert first.objects == (ObjectBox("spiral", 20, 10, 81, 30),)
    assert (second.filename, second.objects) == ("b.png", ())


def test_only_what_somebody_labelled_counts(tmp_path: Path) -> None:
    skipped = task("c.png", [])
    skipped["annotations"][0]["was_cancelled"] = True
    corrected = task("d.png", [], [rectangle()])
    corrected["annotations"][0]["was_cancelled"] = True
    twice = task("e.png", [rectangle()], [rectangle()])
    source = write(tmp_path, task("a.png", []), task("b.png"), skipped, corrected, twice)
    assert [(image.filename, len(image.objects)) for _, image in source] == [
        ("a.png", 0),
        ("d.png", 1),
    ]
    [note] = source.notes
    assert "nobody has labelled" in note
    [failure] = source.failures
    assert "task 4 has 2 annotations" in str(failure)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/data/upload/1/1fab03d2-a.png", "a.png"),
        ("/data/upload/1fab03d2-b.png", "1fab03d2-b.png"),
        ("/data/local-files/?d=sky/images/sub/c%20d.png", "sub/c d.png"),
        ("https://example.org/sky/a.png?token=1", "a.png"),
        ("s3://bucket/sky/a.png", "a.png"),
        ("/data/upload/1/1fab03d2-missing.png", "missing.png"),
    ],
)
def test_names_are_those_of_the_files(tmp_path: Path, url: str, name: str) -> None:
    for place in ("a.png", "1fab03d2-b.png", "sub/c d.png"):
        (tmp_path / "images" / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "images" / place), np.zeros((50, 200, 3), np.uint8))
    [[_, image]] = list(write(tmp_path, task(url, [], text="not the image")))
    assert image.filename == name


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (result("keypointlabels", ["spiral"], x=10, y=20, width=1), "no extent"),
        (result("brushlabels", ["spiral"], format="rle", rle=[1, 2]), "not supported"),
        (rectangle(labels=("spiral", "merger")), "has 2 labels"),
        (rectangle(labels=()), "has no label"),
        (rectangle(x="1"), "value.x"),
        ({**rectangle(), "image_rotation": 90}, "rotated by 90 degrees"),
        ({**rectangle(), "original_width": 0}, "original_width"),
    ],
)
def test_one_odd_region_costs_one_object(tmp_path: Path, drawn: dict[str, Any], says: str) -> None:
    source = write(
        tmp_path, task("a.png", [rectangle(), drawn]), task("b.png", [drawn]), {"data": {}}
    )
    [[_, image]] = list(source)
    assert (image.filename, len(image.objects)) == ("a.png", 1)
    first, _, left_out, last = map(str, source.failures)
    assert "region 1 of a.png" in first
    assert says in first
    assert "the image b.png is left out" in left_out
    assert "task 2 has no annotations" in last


def test_a_class_for_regions_without_one(tmp_path: Path) -> None:
    path = write(tmp_path, task("a.png", [rectangle(labels=())])).path
    [[_, image]] = list(AnnotationSource(path, settings={"class_name": "galaxy"}))
    assert image.labels == ("galaxy",)
