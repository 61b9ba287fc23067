"""Find the image that an annotation or a table names, without ever leaving the images folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import InputError

__all__ = ["IMAGE_SUFFIXES", "find_image", "image_stem"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".fits", ".fit", ".fits.gz")


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
    folder = Path(folder)
    windows = PureWindowsPath(name)
    relative = PurePosixPath(name.replace("\\", "/"))
    if (
        not relative.name
        or relative.is_absolute()
        or windows.drive
        or windows.root
        or ".." in relative.parts
        or "\x00" in name
    ):
        raise InputError(
            f"Image name {name!r} does not name a file inside {folder}. "
            "Use plain file names of images in that folder."
        )
    suffixes = ("", *IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES))
    for path in ((folder / relative).with_name(relative.name + suffix) for suffix in suffixes):
        try:
            is_file = path.is_file()
        except (OSError, ValueError):
            return None
        if is_file:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputError(
                    f"Image {path} is a link out of {folder}. Put the file itself there."
                )
            return path
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
