from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.datasets import image_archive
from galpipe.datasets.image_archive import ImageArchive
from galpipe.datasets.image_checksums import image_checksums
from galpipe.datasets.image_reader import ImageReader, in_data_file
from galpipe.datasets.label_tables import read_label_table
from galpipe.errors import InputError


def png(seed: int, side: int = 20) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two images in the layout of the Kaggle challenge, and what a Mac adds."""
    path = tmp_path / "images_training_rev1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images_training_rev1/", b"")
        for seed in (100008, 100023):
            file.writestr(f"images_training_rev1/{seed}.png", png(seed))
        file.writestr("__MACOSX/images_training_rev1/._100008.png", b"x")
        file.writestr("read.me", b"x")
    return path


def test_images_are_read_in_place(archive: Path, tmp_path: Path) -> None:
    with ImageArchive(archive) as images:
        path = images.find("100008")
        assert path == archive / "100008.png" == images.find("100008.png")
        assert images.find("100009") is None
        assert images.find("../../etc/passwd") is None
    assert in_data_file(path)
    (tmp_path / "alone.png").write_bytes(png(100008))
    with ImageReader() as read:
        np.testing.assert_array_equal(read(path), read(tmp_path / "alone.png"))
    assert len(set(image_checksums([path, archive / "100023.png"]))) == 2
    assert sorted(tmp_path.iterdir()) == [tmp_path / "alone.png", archive]


def test_a_table_names_the_images_of_an_archive(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n100023,a\n")
    (image,) = read_label_table(table, archive, ["a"])
    assert image.path == archive / "100023.png"
    table.write_text("filename,label\n100024,a\n")
    with pytest.raises(InputError, match="100024"):
        read_label_table(table, archive, ["a"])


def written(path: Path, write: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        write(file)
    return path


def test_an_image_of_two_folders_is_refused(tmp_path: Path) -> None:
    def write(file: zipfile.ZipFile) -> None:
        file.writestr("a/1.png", png(1))
        file.writestr("b/1.png", png(2))

    with pytest.raises(InputError, match="different folders"):
        ImageArchive(written(tmp_path / "two.zip", write))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "text file"),
        (b"\xff\xd8\xff\xe0 no picture", "damaged"),
        (png(1)[:-40], "damaged"),
    ],
)
def test_what_is_no_whole_picture_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path / "a.zip", lambda file: file.writestr("1.png", content))
    with ImageReader() as read, pytest.raises(InputError, match=message):
        read(path / "1.png")
    with ImageReader() as read, pytest.raises(InputError, match="holds no image"):
        read(path / "2.png")


def test_a_file_that_expands_too_far_is_not_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.zip", lambda file: file.writestr("1.png", bytes(2000)))
    monkeypatch.setattr(image_archive, "LARGEST_IMAGE", 1000)
    with ImageReader() as read, pytest.raises(InputError, match="would expand to 2000 bytes"):
        read(path / "1.png")


def test_damaged_archives_are_refused(archive: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[:-30])
    with pytest.raises(InputError, match=r"ZIP archive.*download it again\."):
        ImageArchive(archive)
    place = content.index(b"IHDR") if b"IHDR" in content else 80
    archive.write_bytes(content[:place] + b"\0\0\0\0" + content[place + 4 :])
    with ImageReader() as read, pytest.raises(InputError, match="damaged"):
        read(archive / "100008.png")
    encrypted = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(signature, start)) >= 0:
            encrypted[start + offset] |= 1
            start += 4
    archive.write_bytes(bytes(encrypted))
    with ImageReader() as read, pytest.raises(InputError, match="encrypted"):
        read(archive / "100008.png")
