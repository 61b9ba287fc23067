from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations.image_index import name_parts
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError


def folder_of(folder: Path, *names: str) -> ImageFolder:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return ImageFolder(folder)


def found(images: ImageFolder, name: str) -> str | None:
    path = images.find(name)
    return None if path is None else images.name_of(path)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("IMG_1.jpg", "IMG_1.JPG"),
        ("img_1.jpeg", "IMG_1"),
        (unicodedata.normalize("NFD", "é.png"), unicodedata.normalize("NFC", "é.png")),
        (unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "É.PNG")),
        ("a.jpg", "images/a.jpg"),
        ("train/a.jpg", "a.jpg"),
        ("train/a.jpg", "images/train/a.jpg"),
        ("s1/a.webp", "s1/a"),
        ("s1/a.jpg", "S1\\A.jpg"),
        ("a.fits.bz2", "a"),
        ("a.jpg", "/home/someone/pictures/a.jpg"),
        ("s/a.jpg", "C:\\Users\\someone\\a.jpg"),
        ("a.jpg", "\\\\host\\share\\a.jpg"),
        ("a b.jpg", "https://example.org/data/a%20b.jpg?size=2#top"),
        ("a.jpg", "file:///data/a.jpg"),
        ("a.jpg", "../images/a.jpg"),
    ],
)
def test_an_image_is_found_by_the_names_that_programs_give_it(
    tmp_path: Path, file: str, name: str
) -> None:
    assert found(folder_of(tmp_path, file, "other.jpg"), name) == file


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("train/a.jpg", "train/a.jpg"),
        ("TRAIN/A.jpg", "train/a.jpg"),
        ("/data/valid/a.jpg", "valid/a.jpg"),
        ("A.jpg", "a.jpg"),
        ("b", "b.jpg"),
    ],
)
def test_of_several_images_the_one_in_the_same_folders_is_found(
    tmp_path: Path, name: str, expected: str
) -> None:
    images = folder_of(tmp_path, "a.jpg", "train/a.jpg", "valid/a.jpg", "b.fits", "b.jpg")
    assert found(images, name) == expected


def test_an_image_of_another_folder_is_not_taken(tmp_path: Path) -> None:
    images = folder_of(tmp_path, "train/a.jpg", ".cache/b.jpg", "notes.txt")
    for name in ("valid/a.jpg", "b.jpg", "notes.txt.jpg", "/data/c.jpg"):
        assert images.find(name) is None
    assert images.names == ["train/a.jpg"]


def test_a_name_that_fits_several_images_is_refused(tmp_path: Path) -> None:
    images = folder_of(tmp_path, "train/a.jpg", "valid/a.jpg", "x.jpg", "X.JPG")
    with pytest.raises(InputError, match=r"train/a\.jpg, valid/a\.jpg.*--images"):
        images.find("a.jpg")
    with pytest.raises(InputError, match="several"):
        images.find("X.jpg")


def test_links_to_one_image_are_one_image(tmp_path: Path) -> None:
    images = folder_of(tmp_path, "train/a.jpg")
    (tmp_path / "links").mkdir()
    os.link(tmp_path / "train/a.jpg", tmp_path / "links/a.jpg")
    (tmp_path / "links/b.jpg").symlink_to("nowhere.jpg")
    assert found(images, "a.jpg") == "links/a.jpg"
    assert images.find("b.jpg") is None


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        parts, _ = name_parts(text)
    except InputError:
        return
    assert parts
    assert not {"", ".", ".."}.intersection(parts)
    assert not any("/" in part or "\x00" in part for part in parts)
