"""Find the image that an annotation or a table names, without ever leaving the images folder."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError

__all__ = ["IMAGE_SUFFIXES", "find_image", "image_stem"]

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".tif",
    ".tiff",
    ".bmp",
    ".fits",
    ".fit",
    ".fits.gz",
    ".fits.fz",
)

_ENDINGS = ("", *IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES))


def find_image(folder: str | Path, name: str) -> Path | None:
    """Path of the image called `name` in `folder`, or None if there is no such file.

    Parameters
    ----------
    folder : str or Path
        Folder of images; the result lies in it or below it.
    name : str
        File name, with or without its extension, as found in an annotation or a table.  Folders
        inside `folder` may be part of it (``spirals/m51.jpg``).

    Returns
    -------
    Path or None
        ``folder / name``, with the first extension of `IMAGE_SUFFIXES` that exists if `name` is
        without one.

    Raises
    ------
    InputError
        If `name` is empty, absolute, climbs out of the folder or is a link that leads out of it.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or name[:1] in "/\\" or name[1:2] == ":" or ".." in parts or "\x00" in name:
        raise InputError(
            f"Image name {name!r} does not name a file inside {folder}. "
            "Use plain file names of images in that folder."
        )
    # Text and not Path: a hundred thousand annotations ask for their images.
    start = os.path.join(folder, *parts)
    for path in (start + suffix for suffix in _ENDINGS):
        if os.path.isfile(path):
            if _is_linked(str(folder), parts, path) and not _leads_into(folder, path):
                raise InputError(
                    f"Image {path} is a link out of {folder}. Put the file itself there."
                )
            return Path(path)
    return None


def image_stem(name: str) -> str:
    """Last part of an image's name without its image extension; other dots stay.

    Parameters
    ----------
    name : str
        As found in an annotation; its folders, in the manner of any system, are dropped.

    Raises
    ------
    InputError
        If nothing is left that could name a file.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    suffix = next((s for s in reversed(IMAGE_SUFFIXES) if last.lower().endswith(s)), "")
    stem = last[: len(last) - len(suffix)]
    if stem in ("", ".", "..") or "\x00" in stem:
        raise InputError(f"Image name {name!r} names no file. Give the image a plain file name.")
    return stem


def _is_linked(folder: str, parts: list[str], path: str) -> bool:
    """Return whether the path, or a folder on the way to it, is a symbolic link."""
    way = folder
    for part in parts[:-1]:
        way = os.path.join(way, part)
        if os.path.islink(way):
            return True
    return os.path.islink(path)


def _leads_into(folder: str | Path, path: str) -> bool:
    return Path(path).resolve().is_relative_to(Path(folder).resolve())
