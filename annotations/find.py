"""Find the image that an annotation or a table names, without ever leaving the images folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import InputError

__all__ = ["IMAGE_SUFFIXES", "find_image"]

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
    candidate = folder / relative
    for path in (candidate, *(candidate.with_name(relative.name + s) for s in IMAGE_SUFFIXES)):
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
