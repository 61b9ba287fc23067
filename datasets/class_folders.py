"""Read folders of images: one folder per class, or a folder of unlabelled images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..annotations.classes import GALAXY10_DECALS
from ..annotations.images import IMAGE_SUFFIXES, find_image
from ..errors import InputError
from .label_tables import parse_label
from .labels import LabelledImage

__all__ = ["read_class_folders", "read_unlabelled_folder"]


def read_class_folders(
    images: str | Path,
    class_names: Sequence[str] = GALAXY10_DECALS,
    merged: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> list[LabelledImage]:
    """Read a folder with a subfolder of images for each class.

    Parameters
    ----------
    images : str or Path
        The folder.  The name of each subfolder is a label as in `read_label_table`: a class, with
        spaces or underscores, an index, or several of them separated by ``|``.
    class_names : sequence of str
        The classes in order.  Some may have no folder.
    merged : mapping of str to tuple of int
        Further labels, and the indices of the classes that they allow.

    Returns
    -------
    list of LabelledImage
        Sorted by the names of folders and files, capitals first.

    Raises
    ------
    InputError
        If the folder cannot be read, the name of a subfolder is not a label, an image is a link out
        of the folder, or there is no image.
    """
    images = Path(images)
    found: list[LabelledImage] = []
    try:
        for folder in sorted(path for path in images.iterdir() if path.name[0] != "."):
            if folder.is_dir():
                allowed = _classes(folder, class_names, merged)
                found += [LabelledImage(path, allowed) for path in _images_in(images, folder)]
    except OSError as error:
        raise InputError(
            f"{images} cannot be read as a folder of classes: {error.strerror or error}."
        ) from error
    found = [item for item in found if item.allowed]
    if not found:
        raise InputError(
            f"{images} holds no folder of images. Put the images of each class into a folder that "
            f"has its name: {', '.join(class_names)}."
        )
    return found


def read_unlabelled_folder(
    images: str | Path, class_names: Sequence[str] = GALAXY10_DECALS
) -> list[LabelledImage]:
    """Read a folder of unlabelled images, of which all classes are allowed.

    Parameters
    ----------
    images : str or Path
        The folder.
    class_names : sequence of str
        The classes in order.

    Returns
    -------
    list of LabelledImage
        Sorted by name, capitals first.

    Raises
    ------
    InputError
        If the folder cannot be read, an image is a link out of the folder, or there is no image.
    """
    images = Path(images)
    try:
        names = _image_names(images)
    except OSError as error:
        raise InputError(
            f"{images} cannot be read as a folder of images: {error.strerror or error}."
        ) from error
    found = (find_image(images, name) for name in names)
    everything = tuple(range(len(class_names)))
    labelled = [LabelledImage(path, everything) for path in found if path is not None]
    if not labelled:
        raise InputError(f"{images} holds no image.")
    return labelled


def _classes(
    folder: Path, class_names: Sequence[str], merged: Mapping[str, tuple[int, ...]]
) -> tuple[int, ...]:
    spaced = {name.replace(" ", "_"): name for name in (*class_names, *merged)}
    label = "|".join(spaced.get(part.strip(), part) for part in folder.name.split("|"))
    return parse_label(label, class_names, str(folder), merged)


def _images_in(images: Path, folder: Path) -> list[Path]:
    found = (find_image(images, f"{folder.name}/{name}") for name in _image_names(folder))
    return [path for path in found if path is not None]


def _image_names(folder: Path) -> list[str]:
    return sorted(
        entry.name
        for entry in os.scandir(folder)
        if not entry.name.startswith(".") and entry.name.lower().endswith(IMAGE_SUFFIXES)
    )
