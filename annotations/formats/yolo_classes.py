"""The class list of a YOLO data set: ``data.yaml``, ``classes.txt`` or ``obj.names``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.safe_readers import read_text, read_yaml

__all__ = ["YAML_SUFFIXES", "class_file", "keypoint_numbers", "read_class_file"]

YAML_SUFFIXES = (".yaml", ".yml")

_MAX_BYTES = 2**20
_NAMES = ("data.yaml", "data.yml", "classes.txt", "obj.names", "labels/classes.txt")


def class_file(path: Path) -> Path | None:
    """Return the file that lists the classes of a data set; None if there is none.

    Parameters
    ----------
    path : Path
        The data set's folder, or its YAML file, which then is the list.
    """
    if path.is_file():
        return path
    return next((path / name for name in _NAMES if (path / name).is_file()), None)


def read_class_file(path: Path) -> tuple[str, ...]:
    """Return the class names in order of their ids.

    Parameters
    ----------
    path : Path
        A YAML file whose ``names`` is a list, or numbers each name from 0; or a text file of one
        name a line.

    Raises
    ------
    InputError
        If it cannot be read, or names are missing or no text.
    """
    if path.suffix.lower() in YAML_SUFFIXES:
        names = _numbered(path, _mapping(path).get("names"))
    else:
        text = read_text(path, _MAX_BYTES).rstrip()
        names = [line.strip() for line in text.split("\n")] if text else []
    texts = tuple(_text(name) for name in names)
    if "" in texts:
        raise InputError(
            f"{path} has no text as the name of class {texts.index('')}. Give every class a name, "
            "in quotes: to YAML, yes and no are no texts."
        )
    return texts


def keypoint_numbers(path: Path) -> int:
    """Return how many numbers of key points follow each box, as a YAML file declares it.

    Raises
    ------
    InputError
        If it cannot be read, or the declaration cannot be understood.
    """
    if path.suffix.lower() not in YAML_SUFFIXES:
        return 0
    shape = _mapping(path).get("kpt_shape", [0, 0])
    if not (
        isinstance(shape, list)
        and len(shape) == 2
        and all(type(count) is int and 0 <= count < 10_000 for count in shape)
    ):
        raise InputError(f"{path} has a kpt_shape that is not [points, numbers of each point].")
    return shape[0] * shape[1]


def _mapping(path: Path) -> dict[Any, Any]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} is no description of a YOLO data set: it lacks names.")
    return content


def _numbered(path: Path, names: object) -> list[Any]:
    if isinstance(names, dict):
        # Some programs put the ids in quotes.
        by_id = {key: name for key, name in names.items() if isinstance(key, str)}
        by_id |= {str(key): names[key] for key in range(len(names)) if key in names}
        ordered = [by_id[key] for key in map(str, range(len(names))) if key in by_id]
        if len(ordered) != len(names):
            raise InputError(f"{path} must number its names from 0, without gaps.")
        names = ordered
    if not isinstance(names, list):
        raise InputError(f"{path} needs names: a list of the classes, or each with its id from 0.")
    return names


def _text(name: object) -> str:
    if isinstance(name, str):
        return name if name.strip() else ""
    return str(name) if type(name) is int and abs(name) < 1e9 else ""
