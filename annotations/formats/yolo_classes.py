"""Class list of a YOLO data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.safe_readers import read_text, read_yaml

__all__ = [
    "CLASSES_NAME",
    "YAML_SUFFIXES",
    "class_file",
    "dataset_folder",
    "keypoint_numbers",
    "read_class_file",
]

CLASSES_NAME = "classes.txt"
YAML_SUFFIXES = (".yaml", ".yml")

_MAX_BYTES = 2**20
_USUAL = ("data.yaml", "data.yml")
# Where programs put lists, the first kind that exists is used.
_PATTERNS = (
    ("*.yaml", "*.yml"),
    (CLASSES_NAME,),
    ("obj.names", "*.names"),
    ("labels/classes.txt", "labels/*/classes.txt", "*/labels/classes.txt"),
    ("*/classes.txt", "*/obj.names"),
)
# Folders inside of a data set, whose class list is above them.
_INNER = frozenset({"labels", "train", "valid", "val", "validation", "test", "img", "images"})


def class_file(path: Path) -> Path | None:
    """Return the file that lists the classes of a data set; None if there is none.

    In this order: ``data.yaml``; another YAML file with ``names``; ``classes.txt``; ``obj.names``
    or another ``.names`` file; these lists beside the label files.

    Parameters
    ----------
    path : Path
        Folder of the data set or of labels inside it, or its YAML file, which is returned itself.

    Raises
    ------
    InputError
        If several files of one kind list different classes.
    """
    if path.is_file():
        return path
    for folder in _folders(path):
        for name in _USUAL:
            if (folder / name).is_file():
                return folder / name
        for patterns in _PATTERNS:
            found = sorted(file for pattern in patterns for file in folder.glob(pattern))
            lists = {file: names for file in found if (names := _class_list(file))}
            if len(set(lists.values())) > 1:
                raise InputError(
                    f"{path} has lists of different classes: {', '.join(map(str, lists))}. Keep "
                    f"the right one, or name the classes in {folder / CLASSES_NAME} and remove the "
                    "others."
                )
            if lists:
                return next(iter(lists))
    return None


def dataset_folder(path: Path) -> Path:
    """Return the folder of a data set: of a YAML file, its ``path`` if that is inside its folder.

    Parameters
    ----------
    path : Path
        The folder, which is returned itself, or the YAML file.

    Raises
    ------
    InputError
        If the YAML file cannot be read.
    """
    if path.is_dir():
        return path
    name = _mapping(path).get("path")
    if isinstance(name, str) and "\x00" not in name:
        folder = path.parent / name
        inside = folder.resolve().is_relative_to(path.parent.resolve())
        if not Path(name).is_absolute() and inside and folder.is_dir():
            return folder
    return path.parent


def _folders(folder: Path) -> Iterator[Path]:
    """Yield a folder, and those above it of the same data set."""
    yield folder
    place = folder.absolute()
    while place.name.lower() in _INNER or _is_darknet(place.name):
        place = place.parent
        yield place


def _is_darknet(name: str) -> bool:
    return name.startswith("obj_") and name.endswith("_data")


def _class_list(file: Path) -> tuple[str, ...]:
    """Return the names in a file; empty for a YAML file of another purpose."""
    if file.suffix.lower() not in YAML_SUFFIXES:
        return read_class_file(file)
    try:
        return read_class_file(file)
    except InputError:
        return ()


def read_class_file(path: Path) -> tuple[str, ...]:
    """Return the class names in order of their ids.

    Parameters
    ----------
    path : Path
        A YAML file whose ``names`` is a list or a mapping from ids; or a text file of one name per
        line.

    Raises
    ------
    InputError
        If it cannot be read, or names are missing or not text.
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
            "in quotes: YAML does not read yes and no as text."
        )
    return texts


def keypoint_numbers(path: Path) -> int:
    """Return the number of key point values per box that a YAML class file declares.

    Parameters
    ----------
    path : Path
        The class file; 0 if it is not YAML.

    Raises
    ------
    InputError
        If it cannot be read, or the declaration is malformed.
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
    return int(shape[0] * shape[1])


def _mapping(path: Path) -> dict[Any, Any]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a description of a YOLO data set: it lacks names.")
    return content


def _numbered(path: Path, names: object) -> list[Any]:
    if isinstance(names, dict):
        # Some programs quote the ids.
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
