from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_yolo
from galpipe.errors import InputError, OutputError

STAR = ObjectBox("star", 0, 10, 50, 30)
GALAXY = ObjectBox("galaxy", 25, 0, 75, 100)
UNSURE = ObjectBox("galaxy", 0, 0, 1, 1, difficult=True)


def test_the_files_are_as_expected(tmp_path: Path) -> None:
    images = [
        AnnotatedImage("a.jpg", 200, 100, 3, (STAR, UNSURE, GALAXY)),
        AnnotatedImage("J0004.1+02.0", 10, 10),
    ]
    assert write_yolo(tmp_path, images) == [
        tmp_path / "labels" / "a.txt",
        tmp_path / "labels" / "J0004.1+02.0.txt",
    ]
    assert (tmp_path / "labels" / "a.txt").read_text() == (
        "1 0.125 0.2 0.25 0.2\n0 0.25 0.5 0.25 1\n"
    )
    assert (tmp_path / "labels" / "J0004.1+02.0.txt").read_text() == ""
    assert (tmp_path / "classes.txt").read_text() == "galaxy\nstar\n"


def test_the_class_list_gives_the_numbers(tmp_path: Path) -> None:
    [path] = write_yolo(
        tmp_path, [AnnotatedImage("a.jpg", 100, 100, 3, (STAR,))], ("galaxy", "nebula", "star")
    )
    assert path.read_text().split()[0] == "2"


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for name in ("../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg"):
        [path] = write_yolo(folder, [AnnotatedImage(name, 9, 9)])
        assert path == folder / "labels" / "evil.txt"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nothing_is_written_over_a_namesake(tmp_path: Path) -> None:
    images = [AnnotatedImage("x/a.jpg", 9, 9), AnnotatedImage("y/a.png", 9, 9)]
    with pytest.raises(OutputError, match="Two images"):
        write_yolo(tmp_path, images)
    assert not list(tmp_path.iterdir())


def test_the_size_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"size of a\.jpg"):
        write_yolo(tmp_path, [AnnotatedImage("a.jpg", 0, 0, 3, (STAR,))])
