from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import (
    AnnotatedImage,
    ObjectBox,
    read_annotated_images,
    write_annotations,
    write_voc,
)
from galpipe.annotations.formats.registry import writable_formats
from galpipe.annotations.source import AnnotationSource
from galpipe.errors import InputError


def draw(path: Path, width: int = 64, height: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 9, np.uint8))
    return path


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    for name, label in (("a", "spiral"), ("b", "ring")):
        annotated = AnnotatedImage(f"{name}.png", 64, 48, 3, (ObjectBox(label, 1, 2, 3, 4),))
        write_voc(tmp_path / "voc" / f"{name}.xml", annotated)
    return tmp_path / "voc"


def test_every_image_is_read_as_often_as_asked(voc: Path) -> None:
    source = AnnotationSource(voc)
    assert source.form.name == "voc"
    assert [file.name for file, _ in source] == ["a.xml", "b.xml"]
    assert [image.labels for _, image in source] == [("spiral",), ("ring",)]


def test_what_cannot_be_read_is_left_out_and_told(voc: Path) -> None:
    (voc / "a.xml").write_text("<annotation>")
    source = AnnotationSource(voc)
    for _ in range(2):
        assert [file.name for file, _ in source] == ["b.xml"]
        assert ["a.xml" in str(failure) for failure in source.failures] == [True]


def test_what_does_not_exist_is_an_error(tmp_path: Path, voc: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        AnnotationSource(tmp_path / "nowhere", "voc")
    with pytest.raises(InputError, match="is not a folder"):
        AnnotationSource(voc, images=tmp_path / "nowhere")


def test_classes_are_those_given_then_declared_then_sorted(tmp_path: Path, voc: Path) -> None:
    assert AnnotationSource(voc).class_order(["spiral", "ring"]) == ("ring", "spiral")
    assert AnnotationSource(voc, class_names=("spiral", "ring")).class_order(["ring"]) == (
        "spiral",
        "ring",
    )
    coco = write_annotations(tmp_path / "coco.json", [], "coco", class_names=["star", "galaxy"])
    order = AnnotationSource(coco, "coco").class_order(["quasar", "blob", "star"])
    assert order == ("star", "galaxy", "blob", "quasar")


def boxes_of(*names: str) -> list[AnnotatedImage]:
    return [
        AnnotatedImage(name, 64, 48, 3, (ObjectBox("galaxy", 1 + place, 2, 30, 40),))
        for place, name in enumerate(names)
    ]


@pytest.mark.parametrize("form", [name for name in writable_formats() if name != "tfrecord"])
def test_every_format_gives_the_same_images_and_boxes(tmp_path: Path, form: str) -> None:
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / "images" / name)
    images = boxes_of("a.png", "b.png", "c.png")
    path = tmp_path / (
        "boxes" + {"coco": ".json", "createml": ".json", "csv": ".csv"}.get(form, "")
    )
    write_annotations(path, images, form)
    pairs = read_annotated_images(path, tmp_path / "images")
    assert [path.name for path, _ in pairs] == ["a.png", "b.png", "c.png"]
    assert [image.width for _, image in pairs] == [64, 64, 64]
    for (_, read), written in zip(pairs, images, strict=True):
        assert read.labels == ("galaxy",)
        np.testing.assert_allclose(read.boxes, written.boxes, atol=1e-6)


def test_a_yolo_data_set_of_several_parts_is_read_whole(tmp_path: Path) -> None:
    for part, name in (("train", "a"), ("train", "b"), ("val", "c")):
        draw(tmp_path / "images" / part / f"{name}.png")
        labels = tmp_path / "labels" / part
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [galaxy]\n")
    for path in (tmp_path, tmp_path / "data.yaml"):
        pairs = read_annotated_images(path, tmp_path / "images")
        assert [file.name for file, _ in pairs] == ["a.png", "b.png", "c.png"]
        assert [len(image.objects) for _, image in pairs] == [1, 1, 1]
    with pytest.warns(UserWarning, match=r"1 of 3 annotations .*: c\.txt"):
        pairs = read_annotated_images(tmp_path, tmp_path / "images" / "train")
    assert len(pairs) == 2


def test_a_format_that_is_only_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not written"):
        write_annotations(tmp_path / "a.json", boxes_of("a.png"), "via")
    with pytest.raises(InputError, match="no annotation format 'word'"):
        write_annotations(tmp_path / "a.doc", boxes_of("a.png"), "word")


def test_an_image_is_found_by_the_stem_of_its_annotation_then_by_name(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "b.png")
    draw(tmp_path / "images" / "a.jpg")
    draw(tmp_path / "images" / "a.png")
    draw(tmp_path / "images" / "unlabelled.png")
    for stem, name in (("b", "a.png"), ("renamed", "a.jpg"), ("a", "a.png")):
        write_voc(tmp_path / "boxes" / f"{stem}.xml", AnnotatedImage(name, 64, 48))
    pairs = read_annotated_images(tmp_path / "boxes", tmp_path / "images")
    assert [path.name for path, _ in pairs] == ["a.png", "b.png", "a.jpg"]


def test_a_missing_size_comes_from_the_image(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", width=70, height=30)
    (tmp_path / "a.xml").write_text("<annotation/>")
    [(_, annotated)] = read_annotated_images(tmp_path, tmp_path)
    assert (annotated.width, annotated.height, annotated.depth) == (70, 30, 3)


def test_missing_images_are_named(tmp_path: Path) -> None:
    write_voc(tmp_path / "a.xml", boxes_of("a.png")[0])
    coco = write_annotations(tmp_path / "coco.json", boxes_of("a.png", "b.png"), "coco")
    for path in (tmp_path / "a.xml", coco):
        with pytest.raises(InputError, match="has its image in"):
            read_annotated_images(path, tmp_path)
    draw(tmp_path / "b.png")
    write_voc(tmp_path / "b.xml", boxes_of("b.png")[0])
    coco.rename(tmp_path.with_suffix(".json"))
    with pytest.warns(UserWarning, match=r"1 of 2 annotations .*: a\.xml"):
        assert len(read_annotated_images(tmp_path, tmp_path)) == 1
    with pytest.warns(UserWarning, match=r"1 of 2 annotations .*: a\.png"):
        assert len(read_annotated_images(tmp_path.with_suffix(".json"), tmp_path)) == 1


def test_annotations_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in a recognised annotation format"):
        read_annotated_images(tmp_path, tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_annotated_images(tmp_path / "none", tmp_path)
    draw(tmp_path / "a.png")
    inverted = AnnotatedImage("a.png", 64, 48, 3, (ObjectBox("galaxy", 9, 2, 3, 40),))
    for path in (
        write_annotations(tmp_path / "coco.json", [inverted], "coco"),
        write_voc(tmp_path / "a.xml", inverted),
    ):
        with pytest.raises(InputError, match="empty or inverted"):
            read_annotated_images(path, tmp_path)
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    with pytest.raises(InputError, match=r"a\.xml"):
        read_annotated_images(tmp_path / "a.xml", tmp_path)


def test_a_hostile_filename_opens_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "secret.png")
    (tmp_path / "in").mkdir()
    text = "<annotation><filename>../secret.png</filename></annotation>"
    (tmp_path / "in" / "a.xml").write_text(text)
    with pytest.raises(InputError, match="inside"):
        read_annotated_images(tmp_path / "in", tmp_path / "in")
