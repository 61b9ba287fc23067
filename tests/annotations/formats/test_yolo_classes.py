from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.annotations.formats.yolo_classes import class_file, dataset_folder
from galpipe.errors import InputError


def save(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("file", "start"),
    [
        ("data.yaml", "."),
        ("coco128.yml", "."),
        ("my.names", "."),
        ("data/obj.names", "."),
        ("labels/train/classes.txt", "."),
        ("train/labels/classes.txt", "."),
        ("data.yaml", "labels/train"),
        ("obj.names", "obj_train_data"),
    ],
)
def test_the_class_list_is_found(tmp_path: Path, file: str, start: str) -> None:
    content = "names: [galaxy]" if file.endswith(("yaml", "yml")) else "galaxy\n"
    expected = save(tmp_path / file, content)
    save(tmp_path / "workflow.yaml", "on: push")
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    assert class_file(tmp_path / start) == expected


def test_a_list_of_another_data_set_is_not_taken(tmp_path: Path) -> None:
    save(tmp_path / "classes.txt", "car\n")
    (tmp_path / "galaxies").mkdir()
    assert class_file(tmp_path / "galaxies") is None


def test_lists_of_different_classes_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", "names: [galaxy]")
    save(tmp_path / "b.yaml", "names: {0: galaxy}")
    assert class_file(tmp_path) == tmp_path / "a.yaml"
    save(tmp_path / "b.yaml", "names: [galaxy, star]")
    with pytest.raises(InputError, match=r"a\.yaml.*b\.yaml"):
        class_file(tmp_path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("set", "set"), (".", "."), ("..", "."), ("/", "."), ("gone", "."), ("7", ".")],
)
def test_the_path_in_a_yaml_file_is_followed_inside_its_folder(
    tmp_path: Path, path: str, expected: str
) -> None:
    (tmp_path / "set").mkdir()
    file = save(tmp_path / "my.yaml", f"path: {path}\nnames: [galaxy]")
    assert dataset_folder(file) == tmp_path / expected
