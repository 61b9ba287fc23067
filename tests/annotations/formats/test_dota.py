from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import ObjectBox
from galpipe.annotations.formats.dota import FORMAT
from galpipe.annotations.source import AnnotationSource

HEAD = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
LINES = "20.0 10.0 30.0 20.0 20.0 30.0 10.0 20.0 spiral 0\n3 4 13 4 13 16.5 3 16.5 merger 1\n"


@pytest.mark.parametrize("layout", ["labelTxt/a.txt", "train/labelTxt/a.txt", "a.txt"])
@pytest.mark.parametrize("head", ["", HEAD])
def test_rotated_boxes_are_enclosed(tmp_path: Path, layout: str, head: str) -> None:
    file = tmp_path / layout
    images = file.parents[1] / "images" if "labelTxt" in layout else file.parent
    for folder in (file.parent, images):
        folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(images / "a.png"), np.zeros((48, 64, 3), np.uint8))
    file.write_text(head + LINES)
    source = AnnotationSource(tmp_path)
    [[_, image]] = list(source)
    assert source.form is FORMAT
    assert not source.failures
    assert image.filename.endswith("a.png")
    assert (image.width, image.height) == (64, 48)
    assert image.objects == (
        ObjectBox("spiral", 10, 10, 30, 30),
        ObjectBox("merger", 3, 4, 13, 16.5, difficult=True),
    )


def test_an_odd_line_costs_one_object(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{HEAD}{LINES}1 2 3 spiral\n1 2 3 4 5 6 7 x spiral 0\n")
    (tmp_path / "b.txt").write_text("1 2 3 spiral\n")
    (tmp_path / "c.txt").write_text(HEAD)
    source = AnnotationSource(tmp_path, "dota")
    [_, first], [_, empty] = list(source)
    assert len(first.objects) == 2
    assert (empty.filename, empty.objects) == ("c", ())
    said = [str(failure) for failure in source.failures]
    assert ["object 2 of a" in said[0], "object 3 of a" in said[1]] == [True, True]
    assert "b is left out" in said[-1]


def test_yolo_obb_is_read_as_yolo(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((50, 100, 3), np.uint8))
    (tmp_path / "labels" / "a.txt").write_text("1 0.2 0.2 0.3 0.4 0.2 0.6 0.1 0.4\n")
    (tmp_path / "data.yaml").write_text("names: [spiral, merger]\n")
    [[_, image]] = list(AnnotationSource(tmp_path))
    assert image.objects == (ObjectBox("merger", 10, 10, 30, 30),)
