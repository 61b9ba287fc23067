from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, find_image, write_voc
from galpipe.annotations.images import ImageFolder, image_stem, images_beside
from galpipe.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    (images / "deep").mkdir(parents=True)
    for name in ("m51.jpg", "J0004.1+02.0.png", "UPPER.JPG", "deep/ngc1.fits"):
        (images / name).write_bytes(b"")
    (tmp_path / "secret.jpg").write_bytes(b"")
    return images


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("m51.jpg", "m51.jpg"),
        ("m51", "m51.jpg"),
        ("J0004.1+02.0", "J0004.1+02.0.png"),
        ("UPPER", "UPPER.JPG"),
        ("deep/ngc1", "deep/ngc1.fits"),
        ("deep\\ngc1.fits", "deep/ngc1.fits"),
    ],
)
def test_an_image_is_found_with_or_without_its_extension(
    folder: Path, name: str, found: str
) -> None:
    assert find_image(folder, name) == folder / found


@pytest.mark.parametrize("name", ["m52", "deep", "m51.png", "x" * 5000])
def test_a_missing_image_is_none(folder: Path, name: str) -> None:
    assert find_image(folder, name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret.jpg",
        "deep/../../secret",
        "..\\secret.jpg",
        "/etc/passwd",
        "C:\\secret.jpg",
        "\\\\host\\share\\secret.jpg",
        "m51.jpg\x00",
    ],
)
def test_a_name_never_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="inside"):
        find_image(folder, name)


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    with pytest.raises(InputError, match="link"):
        find_image(folder, "link")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("a.PNG", "a"),
        ("a", "a"),
        ("J0004.1+02.0", "J0004.1+02.0"),
        ("x/y/a.fits.gz", "a"),
        ("..\\..\\a.jpg", "a"),
    ],
)
def test_stem(name: str, stem: str) -> None:
    assert image_stem(name) == stem


@pytest.mark.parametrize("name", ["", "..", "a/..", ".jpg", "a\x00"])
def test_a_name_without_a_stem_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        image_stem(name)


def draw(path: Path, width: int = 64, height: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 9, np.uint8))
    return path


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
    tmp_path: Path, image: str, found: str | None
) -> None:
    voc = tmp_path / "voc"
    write_voc(voc / "a.xml", AnnotatedImage("a.png", 64, 48))
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
    with pytest.raises(InputError, match="truncated"):
        folder.sound_size(path)
    path.write_text("no image")
    with pytest.raises(InputError):
        folder.sound_size(path)
