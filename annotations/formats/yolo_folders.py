"""Where the labels and the images of a YOLO data set lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ...errors import InputError
from ..images import IMAGE_SUFFIXES, ImageFolder, image_stem

__all__ = ["LABEL_SUFFIX", "Part", "find_parts", "first_line"]

LABEL_SUFFIX = ".txt"

_CLASSES = "classes.txt"
_NO_LABELS = {_CLASSES, "train.txt", "val.txt", "valid.txt", "test.txt"}
_FIRST_FILES = 50
_HEAD = 4096


@dataclass(frozen=True)
class Part:
    """One folder of labels and the images that they belong to.

    Attributes
    ----------
    labels : Path
        The folder of the label files.
    images : ImageFolder or None
        The folder of the images, if the layout has one.
    """

    labels: Path
    images: ImageFolder | None

    def label_files(self) -> Iterator[Path]:
        """Yield the label files, in the order in which the system lists them."""
        beside = self.images is not None and self.images.folder == self.labels
        for file in self.labels.iterdir():
            name = file.name
            if (
                file.suffix == LABEL_SUFFIX
                # What macOS leaves in archives.
                and not name.startswith("._")
                and name != _CLASSES
                and not (beside and (name in _NO_LABELS or name.lower().startswith("readme")))
                and file.is_file()
            ):
                yield file

    def files(self) -> list[tuple[str, Path]]:
        """Return the stem of each image and its label file, sorted by the stem.

        An image in a folder of its own that no label file belongs to has no objects; it stands
        with its own path.  Beside the labels it is not known to be empty, and is left out.

        Raises
        ------
        InputError
            If a folder cannot be listed.
        """
        try:
            return self._files()
        except OSError as error:
            raise InputError(f"Cannot read {self.labels}: {error.strerror or error}") from error

    def _files(self) -> list[tuple[str, Path]]:
        found = {file.name.removesuffix(LABEL_SUFFIX): file for file in self.label_files()}
        if self.images is not None and self.images.folder != self.labels:
            for file in sorted(self.images.folder.iterdir()):
                is_image = file.name.lower().endswith(IMAGE_SUFFIXES)
                if is_image and not file.name.startswith(".") and file.is_file():
                    found.setdefault(image_stem(file.name), file)
        return sorted(found.items())


def find_parts(folder: Path) -> list[Part]:
    """Return the parts of a data set, each a folder of labels, sorted.

    Understood are ``labels`` beside ``images``, both also divided into folders of the same names
    (``labels/train`` and ``images/train``, Ultralytics); ``train/labels`` beside ``train/images``
    and the like (Roboflow); labels beside their images in the folder itself (labelImg) or in
    ``obj_train_data`` and the like (Darknet).

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
    """Return the first line of the first label files that is not blank; empty if all are.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    for part in parts:
        for file in islice(part.label_files(), _FIRST_FILES):
            with file.open("rb") as content:
                text = content.read(_HEAD).decode("utf-8", "replace").strip()
            if text:
                return text.split("\n")[0]
    return ""


def _images(folder: Path, images: Path) -> ImageFolder | None:
    if not images.is_dir():
        return None
    if not images.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"{images} is a link out of {folder}. Name the folder that it leads to with --images."
        )
    return ImageFolder(images)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(sub for sub in folder.iterdir() if sub.is_dir())


def _is_darknet(name: str) -> bool:
    return name.startswith("obj_") and name.endswith("_data")
