"""The files of a format that has one for each image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...errors import OutputError
from ..images import image_stem

__all__ = ["files_by_stem"]


def files_by_stem(folder: Path, names: Iterable[str], suffix: str) -> list[Path]:
    """Return the file of each image: named as the image is, with another suffix.

    Parameters
    ----------
    folder : Path
        Where the files lie, all of them: folders in an image's name are dropped.
    names : iterable of str
        The images' names.
    suffix : str
        Of the files, with its dot.

    Raises
    ------
    InputError
        If a name names no file.
    OutputError
        If two images would share a file.
    """
    files: dict[Path, str] = {}
    for name in names:
        file = folder / f"{image_stem(name)}{suffix}"
        if file in files:
            raise OutputError(
                f"Two images, {files[file]} and {name}, would share {file}. Give each its own file "
                "name."
            )
        files[file] = name
    return list(files)
