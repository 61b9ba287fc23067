"""Data sets as they are written, with their images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from astropy.io import fits
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.annotations.formats.voc import read_voc
from galpipe.annotations.source import AnnotationSource

Cli = Callable[..., Result]

BOX = ObjectBox("galaxy", 10, 20, 40, 60)


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((80, 100, 3), 9, np.uint8))
    return path


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    draw(tmp_path / "images" / "a.jpg")
    write_voc(tmp_path / "boxes" / "a.xml", AnnotatedImage("a.jpg", 100, 80, 3, (BOX,)))
    return tmp_path / "boxes"


@pytest.mark.parametrize(("how", "links"), [(None, 2), ("link", 2), ("copy", 1), ("none", None)])
def test_a_yolo_data_set_is_complete(
    galpipe_cli: Cli, boxes: Path, tmp_path: Path, how: str | None, links: int | None
) -> None:
    out = tmp_path / "yolo"
    options = [] if how is None else ["--images-as", how]
    done = galpipe_cli("annotations", "convert", boxes, out, "--to", "yolo", *options)
    assert done.exit_code == 0, done.output
    assert (out / "labels" / "a.txt").read_text() == "0 0.25 0.5 0.3 0.5\n"
    assert (out / "labels" / "classes.txt").read_text() == "galaxy\n"
    content = yaml.safe_load((out / "data.yaml").read_text())
    assert content == {"train": "images", "val": "images", "nc": 1, "names": ["galaxy"]}
    placed = out / "images" / "a.jpg"
    assert placed.exists() == (links is not None)
    if links is not None:
        assert placed.read_bytes() == (tmp_path / "images" / "a.jpg").read_bytes()
        assert placed.stat().st_nlink == links


def test_an_image_is_copied_where_the_file_system_has_no_links(
    galpipe_cli: Cli, boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*paths: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", fail)
    out = tmp_path / "yolo"
    done = galpipe_cli("annotations", "convert", boxes, out, "--to", "yolo")
    assert done.exit_code == 0, done.output
    assert (out / "images" / "a.jpg").stat().st_nlink == 1


def test_fits_images_are_drawn_and_missing_ones_named(
    galpipe_cli: Cli, boxes: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).normal(100, 5, (80, 100)).astype(np.float32)
    fits.writeto(tmp_path / "images" / "b.fits", pixels)
    for name in ("b.fits", "gone.fits"):
        annotated = AnnotatedImage(name, 100, 80, 3, (BOX,))
        write_voc(boxes / f"{name.split('.')[0]}.xml", annotated)
    out = tmp_path / "yolo"
    done = galpipe_cli("annotations", "convert", boxes, out, "--to", "yolo")
    assert done.exit_code == 0, done.output
    assert "1 FITS image drawn as PNG" in done.output
    assert "1 image not in" in done.output
    assert "'gone.fits'" in done.output
    assert cv2.imread(str(out / "images" / "b.png")).shape == (80, 100, 3)
    assert sorted(path.name for path in (out / "images").iterdir()) == ["a.jpg", "b.png"]


def test_parts_stay_apart_in_what_is_written(galpipe_cli: Cli, tmp_path: Path) -> None:
    for place in ("train", "valid"):
        draw(tmp_path / "set" / place / "a.jpg")
        annotated = AnnotatedImage("a.jpg", 100, 80, 3, (BOX,))
        write_voc(tmp_path / "set" / place / "a.xml", annotated)
    out = tmp_path / "yolo"
    done = galpipe_cli("annotations", "convert", tmp_path / "set", out, "--to", "yolo")
    assert done.exit_code == 0, done.output
    content = yaml.safe_load((out / "data.yaml").read_text())
    assert (content["train"], content["val"]) == ("images/train", "images/valid")
    for place in ("train", "valid"):
        assert (out / "images" / place / "a.jpg").is_file()
        assert sorted(file.name for file in (out / "labels" / place).iterdir()) == [
            "a.txt",
            "classes.txt",
        ]
    assert galpipe_cli("annotations", "check", out).exit_code == 0
    voc = tmp_path / "voc"
    done = galpipe_cli("annotations", "convert", out, voc, "--to", "voc")
    assert done.exit_code == 0, done.output
    assert sorted(path.relative_to(voc).as_posix() for path in voc.rglob("*.xml")) == [
        "train/a.xml",
        "valid/a.xml",
    ]


@pytest.mark.parametrize("layout", ["images", "voc"])
def test_all_formats_follow_each_other_without_images_being_named(
    galpipe_cli: Cli, tmp_path: Path, layout: str
) -> None:
    pytest.importorskip("tensorflow")
    place = tmp_path / ("images" if layout == "images" else "set/JPEGImages")
    labels = tmp_path / ("boxes" if layout == "images" else "set/Annotations")
    draw(place / "a.jpg")
    write_voc(labels / "a.xml", AnnotatedImage("a.jpg", 100, 80, 3, (BOX,)))
    before = labels
    ring = (("coco", "c.json"), ("yolo", "y"), ("createml", "m.json"), ("csv", "t.csv"))
    for form, name in (*ring, ("tfrecord", "records"), ("voc", "back")):
        out = tmp_path / name
        done = galpipe_cli("annotations", "convert", before, out, "--to", form)
        assert done.exit_code == 0, f"{form}: {done.output}"
        before = out
    [file] = before.glob("*.xml")
    image = read_voc(file)
    assert (image.filename, image.width, image.height) == ("a.jpg", 100, 80)
    assert image.objects == (BOX,)


@pytest.mark.parametrize("form", ["yolo", "ds9"])
def test_empty_boxes_are_left_out_where_readers_refuse_the_file(
    galpipe_cli: Cli, boxes: Path, tmp_path: Path, form: str
) -> None:
    regions = pytest.importorskip("regions")
    empty, inverted = ObjectBox("galaxy", 5, 5, 5, 9), ObjectBox("galaxy", 9, 5, 5, 9)
    write_voc(boxes / "a.xml", AnnotatedImage("a.jpg", 100, 80, 3, (empty, BOX, inverted)))
    out = tmp_path / "out"
    done = galpipe_cli("annotations", "convert", boxes, out, "--to", form)
    assert done.exit_code == 0, done.output
    assert "left out: 2 empty or inverted boxes" in done.output
    [(_, image)] = AnnotationSource(out)
    np.testing.assert_allclose(image.boxes, [BOX.edges])
    if form == "ds9":
        assert len(regions.Regions.read(out / "a.reg", format="ds9")) == 1
