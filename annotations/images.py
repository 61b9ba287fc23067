"""Look up the images of annotations, confined to a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..files.file_types import check_regular, kind_of
from ..files.picture_headers import picture_is_whole, picture_size
from ..imaging import read_field, read_picture_size

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFiles",
    "ImageFolder",
    "find_image",
    "image_stem",
    "images_beside",
]

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".tif",
    ".tiff",
    ".bmp",
    ".webp",
    ".fits",
    ".fit",
    ".fits.gz",
    ".fits.fz",
)

_EXTENSIONS = ("", *IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES))
_FOLDERS = ("images", "JPEGImages")


class ImageFolder:
    """Folder of images, looked up by their names in annotations.

    Parameters
    ----------
    folder : path
        The folder; no file outside of it is opened.

    Raises
    ------
    InputError
        If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} is not a folder of images.")

    def find(self, name: str) -> Path | None:
        """Return the file of an image; None if there is none.

        Parameters
        ----------
        name : str
            As for `find_image`.

        Raises
        ------
        InputError
            If the name leads out of the folder.
        """
        return find_image(self.folder, name)

    def size(self, path: Path) -> tuple[int, int]:
        """Return the width and height of an image; only the header is read where possible.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        return read_picture_size(path) or read_field(path).pixels.shape[1::-1]

    def sound_size(self, path: Path) -> tuple[int, int]:
        """Return the width and height of an image after checking that it is not truncated.

        A JPEG, PNG or WebP is scanned to its end, but not decoded.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        InputError
            If it cannot be read or is truncated.
        """
        check_regular(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
        kind = kind_of(data[:64])
        if kind not in ("jpeg", "png", "webp"):
            return self.size(path)
        size = picture_size(data, kind)
        if size is None or not picture_is_whole(data, kind):
            raise InputError(f"{path} is damaged or truncated. Copy or download it again.")
        return size


class ImageFiles(ImageFolder):
    """Images in several folders, looked up by their names in annotations.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each name.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        folders = [path.absolute().parent for path in files.values()]
        self.folder = Path(os.path.commonpath(folders)) if folders else Path()

    def find(self, name: str) -> Path | None:
        """Return the file of an image; None if there is none.

        Parameters
        ----------
        name : str
            A key of `files`.
        """
        return self.files.get(name)


def images_beside(annotations: Path) -> ImageFolder | None:
    """Return the usual folder of the images of annotations; None if there is none.

    Candidates are ``images`` and ``JPEGImages`` in the folder of the annotations and in its parent,
    then the folder itself if it holds images.

    Parameters
    ----------
    annotations : Path
        File or folder of annotations.
    """
    folder = annotations if annotations.is_dir() else annotations.parent
    for place in (folder / name for folder in (folder, folder.parent) for name in _FOLDERS):
        if place.is_dir():
            return ImageFolder(place)
    holds_images = any(path.name.lower().endswith(IMAGE_SUFFIXES) for path in folder.iterdir())
    return ImageFolder(folder) if holds_images else None


def find_image(folder: str | Path, name: str) -> Path | None:
    """Return the path of the image called `name` in a folder, or None if there is no such file.

    Parameters
    ----------
    folder : str or Path
        Folder of images.
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
        If `name` is empty, absolute, or leads out of the folder, also by a symbolic link.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or name[:1] in "/\\" or name[1:2] == ":" or ".." in parts or "\x00" in name:
        raise InputError(
            f"Image name {name!r} does not name a file inside {folder}. "
            "Use plain file names of images in that folder."
        )
    # Strings are much faster than Path for a hundred thousand annotations.
    start = os.path.join(folder, *parts)
    for path in (start + suffix for suffix in _EXTENSIONS):
        if os.path.isfile(path):
            if _is_linked(str(folder), parts, path) and not _leads_into(folder, path):
                raise InputError(
                    f"Image {path} is a link out of {folder}. Put the file itself there."
                )
            return Path(path)
    return None


def image_stem(name: str) -> str:
    """Return the base name of an image without its image extension; other dots are kept.

    Parameters
    ----------
    name : str
        Name in an annotation, with folders in the notation of any system.

    Raises
    ------
    InputError
        If the stem is empty or not a file name.

    Examples
    --------
    >>> image_stem("sky/ngc.6976.fits.gz")
    'ngc.6976'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    suffix = next((s for s in reversed(IMAGE_SUFFIXES) if last.lower().endswith(s)), "")
    stem = last[: len(last) - len(suffix)]
    if stem in ("", ".", "..") or "\x00" in stem:
        raise InputError(f"Image name {name!r} names no file. Give the image a plain file name.")
    return stem


def _is_linked(folder: str, parts: list[str], path: str) -> bool:
    """Return whether the path, or a folder between `folder` and it, is a symbolic link."""
    for part in parts[:-1]:
        folder = os.path.join(folder, part)
        if os.path.islink(folder):
            return True
    return os.path.islink(path)


def _leads_into(folder: str | Path, path: str) -> bool:
    return Path(path).resolve().is_relative_to(Path(folder).resolve())
