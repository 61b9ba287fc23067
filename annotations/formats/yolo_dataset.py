"""Layout and class list of a YOLO data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.safe_readers import read_text, read_yaml
from ..images import IMAGE_SUFFIXES, ImageFolder, image_stem

__all__ = [
    "LABEL_SUFFIX",
    "YAML_SUFFIXES",
    "Part",
    "class_file",
    "find_parts",
    "first_line",
    "keypoint_numbers",
    "read_class_file",
]

LABEL_SUFFIX = ".txt"
YAML_SUFFIXES = (".yaml", ".yml")

_MAX_BYTES = 2**20
_CLASSES = "classes.txt"
_CLASS_FILES = ("data.yaml", "data.yml", _CLASSES, "obj.names", f"labels/{_CLASSES}")
_NOT_LABELS = {_CLASSES, "train.txt", "val.txt", "valid.txt", "test.txt"}
_FIRST_FILES = 50
_HEAD = 4096


@dataclass(frozen=True)
class Part:
    """Folder of labels and folder of their images.

    Attributes
    ----------
    labels : Path
        Folder of the label files.
    images : ImageFolder or None
        Folder of the images, if the layout has one.
    """

    labels: Path
    images: ImageFolder | None

    def label_files(self) -> Iterator[Path]:
        """Yield the label files, in no particular order."""
        beside = self.images is not None and self.images.folder == self.labels
        for file in self.labels.iterdir():
            name = file.name
            if (
                file.suffix == LABEL_SUFFIX
                # Created by macOS in archives.
                and not name.startswith("._")
                and name != _CLASSES
                and not (beside and (name in _NOT_LABELS or name.lower().startswith("readme")))
                and file.is_file()
            ):
                yield file

    def files(self) -> list[tuple[str, Path]]:
        """Return the stem of each image and its label file, sorted by the stem.

        In a separate folder of images, an image without label file has no objects and is listed
        with its own path.  In the folder of the labels, such an image is left out.

        Raises
        ------
        InputError
            If a folder cannot be listed.
        """
        try:
            found = {file.name.removesuffix(LABEL_SUFFIX): file for file in self.label_files()}
            if self.images is not None and self.images.folder != self.labels:
                for file in sorted(self.images.folder.iterdir()):
                    is_image = file.name.lower().endswith(IMAGE_SUFFIXES)
                    if is_image and not file.name.startswith(".") and file.is_file():
                        found.setdefault(image_stem(file.name), file)
        except OSError as error:
            raise InputError(f"Cannot read {self.labels}: {error.strerror or error}") from error
        return sorted(found.items())


def find_parts(folder: Path) -> list[Part]:
    """Return the parts of a data set, sorted.

    Supported layouts are ``labels`` and ``images``, optionally with matching subfolders such as
    ``labels/train`` and ``images/train`` (Ultralytics); ``train/labels`` and ``train/images``
    (Roboflow); labels and images in the same folder (labelImg), also in ``obj_train_data``
    (Darknet).

    Parameters
    ----------
    folder : Path
        Folder of the data set.

    Raises
    ------
    InputError
        If a folder of images is a link out of `folder`, or a folder cannot be listed.
    """
    try:
        labels, images = folder / "labels", folder / "images"
        pairs = [(labels, images), *((sub, images / sub.name) for sub in _folders(labels))]
        pairs += [(sub / "labels", sub / "images") for sub in _folders(folder)]
        parts = [Part(part, _images(folder, of)) for part, of in pairs if part.is_dir()]
        if parts:
            return parts
        places = [folder, *(sub for sub in _folders(folder) if _is_darknet(sub.name))]
        beside = [Part(place, ImageFolder(place)) for place in places]
        return [part for part in beside if any(True for _ in part.label_files())]
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}") from error


def first_line(parts: list[Part]) -> str:
    """Return the first line of the first label file that is not blank; empty if there is none.

    Parameters
    ----------
    parts : list of Part
        Parts of a data set.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    for part in parts:
        for file in islice(part.label_files(), _FIRST_FILES):
            with file.open("rb") as content:
                text = content.read(_HEAD).decode("utf-8", "replace").strip()
            if text:
                return text.split("\n")[0]
    return ""


def class_file(path: Path) -> Path | None:
    """Return the file that lists the classes of a data set; None if there is none.

    Parameters
    ----------
    path : Path
        Folder of the data set, or its YAML file, which is returned itself.
    """
    if path.is_file():
        return path
    return next((path / name for name in _CLASS_FILES if (path / name).is_file()), None)


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


def _images(folder: Path, images: Path) -> ImageFolder | None:
    if not images.is_dir():
        return None
    if not images.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{images} is a link out of {folder}. Give its target with --images.")
    return ImageFolder(images)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(sub for sub in folder.iterdir() if sub.is_dir())


def _is_darknet(name: str) -> bool:
    return name.startswith("obj_") and name.endswith("_data")
