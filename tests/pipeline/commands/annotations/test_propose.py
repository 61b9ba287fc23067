from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from click.testing import Result

from galpipe.annotations import read_voc
from galpipe.errors import InputError
from galpipe.pipeline.propose import propose

pytest.importorskip("sep")

Cli = Callable[..., Result]


def write_galaxies(path: Path, *places: tuple[int, int]) -> Path:
    """Picture with discs of light of about 60 pixels."""
    y, x = np.mgrid[:160, :200].astype(np.float32)
    light = np.full((160, 200), 10, np.float32)
    for across, down in places:
        light += 120 * np.exp(-np.hypot(x - across, (y - down) * 1.8) / 12)
    light = cv2.GaussianBlur(light, (0, 0), 3)
    noise = np.random.default_rng(0).normal(0, 2, (160, 200, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(light[..., None] + noise, 0, 255).astype(np.uint8))
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    write_galaxies(tmp_path / "images" / "a.png", (45, 40), (155, 120))
    write_galaxies(tmp_path / "images" / "b.c.png", (100, 80))
    return tmp_path / "images"


def test_annotations_lie_beside_the_images(galpipe_cli: Cli, images: Path) -> None:
    done = galpipe_cli("annotations", "propose", images)
    assert done.exit_code == 0, done.output
    assert "3 boxes, 0 of them difficult, in 2 new annotations" in done.output
    annotated = read_voc(images / "a.xml")
    assert (annotated.filename, annotated.width, annotated.height) == ("a.png", 200, 160)
    assert annotated.labels == ("galaxy", "galaxy")
    centres = (annotated.boxes[:, :2] + annotated.boxes[:, 2:]) / 2
    np.testing.assert_allclose(
        centres[np.argsort(centres[:, 0])], [(45.5, 40.5), (155.5, 120.5)], atol=3
    )
    assert (annotated.boxes == np.rint(annotated.boxes)).all()
    assert read_voc(images / "b.c.xml").filename == "b.c.png"


def test_corrected_annotations_are_left_alone(galpipe_cli: Cli, images: Path) -> None:
    (images / "a.xml").write_text("corrected")
    done = galpipe_cli("annotations", "propose", images)
    assert done.exit_code == 0
    assert "1 annotation there already, kept" in done.output
    assert (images / "a.xml").read_text() == "corrected"
    assert (images / "b.c.xml").exists()
    assert galpipe_cli("annotations", "propose", images, "--overwrite").exit_code == 0
    assert len(read_voc(images / "a.xml").objects) == 2


def test_another_folder_class_level_and_size(
    galpipe_cli: Cli, images: Path, tmp_path: Path
) -> None:
    options = ("-o", tmp_path / "boxes", "--class-name", "disc", "--threshold", "20")
    assert galpipe_cli("annotations", "propose", images, *options).exit_code == 0
    assert not list(images.glob("*.xml"))
    [box] = read_voc(tmp_path / "boxes" / "b.c.xml").objects
    assert box.label == "disc"
    low = propose(images, tmp_path / "low")
    assert read_voc(low.written[1]).objects[0].width > box.width
    none = propose(images, tmp_path / "none", smallest=150)
    assert (none.objects, len(none.written)) == (0, 2)
    assert read_voc(none.written[0]).objects == ()


def test_one_bad_image_does_not_stop_the_others(
    galpipe_cli: Cli, images: Path, tmp_path: Path
) -> None:
    (images / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    done = galpipe_cli("annotations", "propose", images, tmp_path / "missing.png")
    assert done.exit_code == 1
    assert "2 fields failed" in done.output
    assert "bad.png" in done.output
    assert "missing.png" in done.output
    assert {path.name for path in images.glob("*.xml")} == {"a.xml", "b.c.xml"}
    with pytest.raises(InputError):
        propose(tmp_path / "missing.png")


def test_two_images_of_one_name_share_no_annotation(images: Path, tmp_path: Path) -> None:
    write_galaxies(images / "a.tiff", (50, 50))
    result = propose(images)
    assert [path.name for path in result.written] == ["a.xml", "b.c.xml"]
    assert "another image of the same name" in result.failures[0].message
    assert len(propose(images, tmp_path / "boxes").written) == 3


def test_fits_fields_are_stretched(good_fits: Path) -> None:
    [path] = propose(good_fits).written
    annotated = read_voc(path)
    assert (annotated.filename, annotated.width) == ("sky.fits", 128)


def test_a_trained_detector(
    galpipe_cli: Cli, good_picture: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    options = ("-o", tmp_path, "--detector", models["detector"])
    done = galpipe_cli("annotations", "propose", good_picture, *options)
    assert done.exit_code == 0, done.output
    annotated = read_voc(tmp_path / "good.xml")
    assert len(annotated.objects) >= 2
    assert set(annotated.labels) == {"galaxy"}
    assert not annotated.difficult.all()
    result = propose(good_picture, tmp_path / "b", detector=models["detector"], smallest=500)
    assert result.objects == 0


@pytest.mark.parametrize("option", ["--threshold", "--class-name"])
def test_a_detector_has_its_own_settings(galpipe_cli: Cli, images: Path, option: str) -> None:
    done = galpipe_cli("annotations", "propose", images, "--detector", "x", option, "3")
    assert done.exit_code == 2
    assert "classical detection" in done.output


def test_what_a_file_holds_besides_is_named(galpipe_cli: Cli, tmp_path: Path) -> None:
    light = np.random.default_rng(0).normal(100, 3, (2, 64, 64)).astype(np.float32)
    ccds = [fits.ImageHDU(light[number], name=f"CCD{number + 1}") for number in range(2)]
    fits.HDUList([fits.PrimaryHDU(), *ccds]).writeto(tmp_path / "mosaic.fits")
    done = galpipe_cli("annotations", "propose", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mosaic.xml").exists()
    assert "CCD2" in done.stderr
