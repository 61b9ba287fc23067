from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.formats.coco_results import FORMAT
from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError

BOX = ObjectBox("galaxy", 10, 20, 40, 60, attributes=(("score", "0.9"),))


def result(image: Any = "a", category: int = 1, **more: Any) -> dict[str, Any]:
    box = {"bbox": [10, 20, 30, 40], "score": 0.9}
    return {"image_id": image, "category_id": category, **box, **more}


def save(folder: Path, content: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(content))
    return path


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def test_ids_are_looked_up_in_the_coco_file(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    images = [{"id": 7, "file_name": "a.png", "width": 100, "height": 80}]
    truth.write_text(json.dumps({"images": images, "categories": [{"id": 3, "name": "galaxy"}]}))
    path = save(tmp_path, [result(7, 3)])
    assert detect_format(path) is FORMAT
    found = read(path, settings={"ground_truth": truth})
    assert found == [AnnotatedImage("a.png", 100, 80, objects=(BOX,))]


@pytest.mark.parametrize("first", [0, 1])
def test_ids_that_are_names_of_files_need_no_coco_file(tmp_path: Path, first: int) -> None:
    notes: list[str] = []
    path = save(tmp_path, [result("a", first), result("b", first + 1, file_name="b.png")])
    found = read(path, class_names=("galaxy", "star"), on_note=notes.append)
    assert [(image.filename, image.labels) for image in found] == [
        ("a", ("galaxy",)),
        ("b.png", ("star",)),
    ]
    assert f"class {first} is galaxy" in notes[0]


def test_numbers_may_be_names_of_files(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "000000000012.png"), np.zeros((80, 100), np.uint8))
    path = save(tmp_path, [result(12)])
    [image] = read(path, images=ImageFolder(tmp_path), settings={"class_name": "galaxy"})
    assert (image.width, image.height, image.objects) == (100, 80, (BOX,))


def test_ids_of_an_unknown_file_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, [result(12)])
    with pytest.raises(InputError, match=r"no image has the name 12.*--ground-truth"):
        read(path, class_names=("galaxy",))
    with pytest.raises(InputError, match=r"no names of classes.*--ground-truth.*--classes"):
        read(path)


def test_one_odd_result_costs_one_result(tmp_path: Path) -> None:
    odd = [result(bbox=[1, 2, 3]), result(bbox=[float("nan")] * 4), result(category=9), None]
    odd.append(result(float("inf")))
    errors: list[InputError] = []
    path = save(tmp_path, [*odd, result()])
    [image] = read(path, class_names=("galaxy",), on_error=errors.append)
    assert image.objects == (BOX,)
    assert len(errors) == len(odd)
