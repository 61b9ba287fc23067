"""Layout of a YOLO data set."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ...errors import InputError
from ..image_names import image_suffix
from ..images import ImageFolder, image_stem
from .yolo_classes import CLASSES_NAME

__all__ = ["IMAGES", "LABELS", "LABEL_SUFFIX", "Part", "find_parts", "first_line", "is_label_line"]

LABELS, IMAGES = "labels", "images"
LABEL_SUFFIX = ".txt"

_NOT_LABELS = {CLASSES_NAME, "train.txt", "val.txt", "valid.txt", "test.txt"}
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
    place : str
        Path of the folder of the images in the data set.
    """

    labels: Path
    images: ImageFolder | None
    place: str

    def label_files(self) -> Iterator[Path]:
        """Yield the label files, in no particular order."""
        beside = self.images is not None and self.images.folder == self.labels
        for file in self.labels.iterdir():
            name = file.name
            if (
                file.suffix == LABEL_SUFFIX
                # Created by macOS in archives.
                and not name.startswith("._")
                and name != CLASSES_NAME
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
                    if image_suffix(file.name) and not file.name.startswith(".") and file.is_file():
                        found.setdefault(image_stem(file.name), file)
        except OSError as error:
            raise InputError(f"Cannot read {self.labels}: {error.strerror or error}") from error
        return sorted(found.items())

    def has_images(self) -> bool:
        """Return whether a label file has its image beside it."""
        names = {file.name for file in self.labels.iterdir()}
        images = {name.removesuffix(image_suffix(name)) for name in names if image_suffix(name)}
        return any(file.stem in images for file in self.label_files())


def find_parts(folder: Path) -> list[Part]:
    """Return the parts of a data set, sorted.

    Supported layouts are ``labels`` and ``images``, optionally with matching subfolders such as
    ``labels/train`` and ``images/train`` (Ultralytics); ``train/labels`` and ``train/images``
    (Roboflow); labels and images in the same folder (labelImg) or subfolders, such as
    ``obj_train_data`` (Darknet) or ``img`` (Yolo_mark).

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
        places = _folders(folder)
        parts = []
        for place in places:
            inside = place.relative_to(folder).parts
            if LABELS in inside:
                mirrored = "/".join(IMAGES if part == LABELS else part for part in inside)
                parts.append(Part(place, _images(folder, folder / mirrored), mirrored))
        if any(_has_labels(part) for part in parts):
            return parts
        beside = [
            Part(place, ImageFolder(place), "/".join(place.relative_to(folder).parts))
            for place in places
        ]
        found = [
            part
            for part in beside
            if _has_labels(part)
            and (part.labels == folder or is_label_line(first_line([part])) or part.has_images())
        ]
        return found or parts
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


def is_label_line(line: str) -> bool:
    """Return whether a line is a class and at least four numbers.

    Parameters
    ----------
    line : str
        The line.
    """
    words = line.split()
    try:
        return len(words) >= 5 and all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def _has_labels(part: Part) -> bool:
    return any(True for _ in part.label_files())


def _images(folder: Path, images: Path) -> ImageFolder | None:
    if not images.is_dir():
        return None
    if not images.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{images} is a link out of {folder}. Give its target with --images.")
    return ImageFolder(images)


def _folders(folder: Path) -> list[Path]:
    """Return a folder and all folders inside it, sorted, without hidden ones."""

    def fail(error: OSError) -> None:
        raise error

    found = []
    for place, folders, _ in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.append(Path(place))
    return sorted(found)
