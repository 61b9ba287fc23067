"""Place the images of a data set where its format expects them."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import InputError
from ..files.atomic import atomic_path, write_png
from ..imaging import FITS_SUFFIXES, read_field, to_rgb
from .image_names import image_suffix
from .images import ImageFolder

__all__ = ["ImagesAs", "PlacedImages", "place_images"]

ImagesAs = Literal["link", "copy", "none"]
"""Ways to place images."""


@dataclass(frozen=True)
class PlacedImages:
    """Images in the folder of a data set.

    Attributes
    ----------
    linked, copied, drawn : int
        Numbers of images linked, copied, and drawn as PNG since no other program reads them.
    failures : list of InputError
        One for each image that is missing or cannot be read.
    """

    linked: int = 0
    copied: int = 0
    drawn: int = 0
    failures: list[InputError] = field(default_factory=list)


def place_images(
    stems: Iterable[Path],
    names: Iterable[str],
    images: ImageFolder | None,
    images_as: ImagesAs,
) -> PlacedImages:
    """Link or copy images; FITS images are drawn as PNG.

    A link is a second name of the same file (a hard link), which stays valid if the first is moved.
    Where the file system has none, the image is copied.

    Parameters
    ----------
    stems : iterable of Path
        Path of each image to write, without its extension.
    names : iterable of str
        The images' names.
    images : ImageFolder or None
        The images.
    images_as : {"link", "copy", "none"}
        How to place them.

    Returns
    -------
    PlacedImages
        Counts and failures.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    counts: Counter[str] = Counter()
    failures = []
    for stem, name in zip(stems, names, strict=True):
        try:
            path = None if images is None else images.find(name)
            if path is None:
                where = "" if images is None else f" in {images.folder}"
                raise InputError(f"There is no image {name!r}{where}. Put it into {stem.parent}.")
            counts[_place(path, stem, images_as)] += 1
        except InputError as error:
            failures.append(error)
    return PlacedImages(counts["linked"], counts["copied"], counts["drawn"], failures)


def _place(path: Path, stem: Path, images_as: ImagesAs) -> str:
    suffix = image_suffix(path.name)
    if suffix.lower() in FITS_SUFFIXES:
        write_png(stem.with_name(f"{stem.name}.png"), to_rgb(read_field(path)))
        return "drawn"
    target = stem.with_name(f"{stem.name}{suffix}")
    if target.exists() and target.samefile(path):
        return "linked"
    with atomic_path(target) as temporary:
        if images_as == "link":
            try:
                os.link(path.resolve(), temporary)
            except OSError:
                images_as = "copy"  # another file system, or one without links
        if images_as == "copy":
            shutil.copyfile(path, temporary)
    return "linked" if images_as == "link" else "copied"
