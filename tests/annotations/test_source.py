from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_coco, write_voc
from galpipe.annotations.images import ImageFolder, images_beside
from galpipe.annotations.source import Source
from galpipe.errors import InputError


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((48, 64, 3), 9, np.uint8))
    return path


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    for name, label in (("a", "spiral"), ("b", "ring")):
        annotated = AnnotatedImage(f"{name}.png", 64, 48, 3, (ObjectBox(label, 1, 2, 3, 4),))
        write_voc(tmp_path / "voc" / f"{name}.xml", annotated)
    return tmp_path / "voc"


def test_every_image_is_read_as_often_as_asked(voc: Path) -> None:
    source = Source(voc)
    assert source.form.name == "voc"
    assert [file.name for file, _ in source] == ["a.xml", "b.xml"]
    assert [image.labels for _, image in source] == [("spiral",), ("ring",)]


def test_what_cannot_be_read_is_left_out_and_told(voc: Path) -> None:
    (voc / "a.xml").write_text("<annotation>")
    source = Source(voc)
    for _ in range(2):
        assert [file.name for file, _ in source] == ["b.xml"]
        assert ["a.xml" in str(failure) for failure in source.failures] == [True]


def test_what_does_not_exist_is_an_error(tmp_path: Path, voc: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Source(tmp_path / "nowhere", "voc")
    with pytest.raises(InputError, match="is not a folder"):
        Source(voc, images=tmp_path / "nowhere")


def test_classes_are_those_given_then_declared_then_sorted(tmp_path: Path, voc: Path) -> None:
    assert Source(voc).class_order(["spiral", "ring"]) == ("ring", "spiral")
    assert Source(voc, class_names=("spiral", "ring")).class_order(["ring"]) == ("spiral", "ring")
    coco = write_coco(tmp_path / "coco.json", [], ["star", "galaxy"])
    order = Source(coco, "coco").class_order(["quasar", "blob", "star"])
    assert order == ("star", "galaxy", "blob", "quasar")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("voc/images/a.png", "voc/images"),
        ("voc/JPEGImages/a.jpg", "voc/JPEGImages"),
        ("images/a.png", "images"),
        ("JPEGImages/a.jpg", "JPEGImages"),
        ("voc/a.PNG", "voc"),
        ("pictures/a.png", None),
    ],
)
def test_images_are_looked_for_where_they_usually_lie(
    tmp_path: Path, voc: Path, image: str, found: str | None
) -> None:
    draw(tmp_path / image)
    for path in (voc, voc / "a.xml"):
        folder = images_beside(path)
        assert (folder and folder.folder) == (found and tmp_path / found)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_size_is_read_from_a_whole_image(tmp_path: Path, suffix: str) -> None:
    path = draw(tmp_path / f"a{suffix}")
    assert ImageFolder(tmp_path).sound_size(path) == (64, 48)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_that_breaks_off_is_not_sound(tmp_path: Path, suffix: str) -> None:
    path = draw(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-8])
    folder = ImageFolder(tmp_path)
    assert folder.size(path) == (64, 48)
    with pytest.raises(InputError, match="breaks off"):
        folder.sound_size(path)
    path.write_text("no image")
    with pytest.raises(InputError):
        folder.sound_size(path)
