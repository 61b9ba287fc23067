from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.datasets.class_folders import read_class_folders, read_unlabelled_folder
from galpipe.errors import InputError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_folders_are_called_by_labels(tmp_path: Path) -> None:
    images = make(
        tmp_path / "images",
        "Merging Galaxies/b.jpg",
        "Merging Galaxies/a.PNG",
        "Merging Galaxies/notes.txt",
        "Merging Galaxies/.hidden.png",
        "Barred_Spiral_Galaxies/c.fits",
        "8|9/d.tif",
        "dont_know/e.jpg",
        ".cache/f.jpg",
        "readme.md",
    )
    read = read_class_folders(images, GALAXY10_DECALS)
    assert [(str(item.path.relative_to(images)), item.allowed) for item in read] == [
        ("8|9/d.tif", (8, 9)),
        ("Barred_Spiral_Galaxies/c.fits", (5,)),
        ("Merging Galaxies/a.PNG", (1,)),
        ("Merging Galaxies/b.jpg", (1,)),
    ]


def test_an_unknown_folder_is_told(tmp_path: Path) -> None:
    make(tmp_path, "red/a.jpg", "purple/b.jpg")
    with pytest.raises(InputError, match="purple: unknown label 'purple'"):
        read_class_folders(tmp_path, ("red", "green"))


def test_no_images_are_told(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "red/notes.txt")
    with pytest.raises(InputError, match="no folder of images"):
        read_class_folders(tmp_path, ("red", "green"))
    for path in (tmp_path / "none", tmp_path / "a.jpg"):
        with pytest.raises(InputError, match="cannot be read as a folder"):
            read_class_folders(path, ("red", "green"))


def test_links_never_lead_out(tmp_path: Path) -> None:
    make(tmp_path, "secret/a.jpg")
    for name in ("file", "folder"):
        images = make(tmp_path / name, "red/b.jpg")
        if name == "file":
            (images / "red" / "a.jpg").symlink_to(tmp_path / "secret" / "a.jpg")
        else:
            (images / "green").symlink_to(tmp_path / "secret")
        with pytest.raises(InputError, match="link out of"):
            read_class_folders(images, ("red", "green"))


def test_images_without_labels_may_be_of_any_class(tmp_path: Path) -> None:
    images = make(tmp_path, "b.jpg", "a.png", ".hidden.png", "notes.txt", "more/c.png")
    read = read_unlabelled_folder(images, ("red", "green"))
    assert [item.path.name for item in read] == ["a.png", "b.jpg"]
    assert {item.allowed for item in read} == {(0, 1)}
    assert {item.class_id for item in read} == {None}


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"empty.*holds no image"):
        read_unlabelled_folder(make(tmp_path, "empty/notes.txt") / "empty", ("red",))
    with pytest.raises(InputError, match=r"missing.*cannot be read"):
        read_unlabelled_folder(tmp_path / "missing", ("red",))
