from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.annotations import find_image
from galpipe.annotations.images import image_stem
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
