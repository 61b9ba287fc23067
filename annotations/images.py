"""Look up the images of annotations, confined to a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..files.file_types import check_regular, kind_of
from ..files.picture_headers import picture_is_whole, picture_size
from ..imaging import read_field, read_picture_size
from .image_index import ImageIndex, name_parts
from .image_names import IMAGE_SUFFIXES, image_stem, image_suffix

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFiles",
    "ImageFolder",
    "ImagesOfPart",
    "find_image",
    "image_stem",
    "images_beside",
    "inside",
]

_EXTENSIONS = ("", *IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES))
_FOLDERS = ("images", "JPEGImages")
_ANNOTATION_FOLDERS = ("annotations", "labels")
_DEPTH = 3
_MOST_FOLDERS = 2000


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

    @cached_property
    def _index(self) -> ImageIndex:
        return ImageIndex(self.folder)

    @property
    def names(self) -> list[str]:
        """Paths of all images inside the folder and its subfolders, with ``/``."""
        return self._index.paths

    def find(self, name: str) -> Path | None:
        """Return the file of an image; None if there is none.

        This is the one rule for the names of images in annotations.  A file of exactly that path in
        the folder comes first.  Otherwise case, Unicode form and a missing extension are ignored,
        and folders may be missing on one side: ``images/a.jpg`` finds ``a.jpg``, and ``a.jpg``
        finds ``train/a.jpg``.  Of absolute names, URLs, paths of Windows with a drive and names
        with ``..`` the last part alone has to agree.

        Parameters
        ----------
        name : str
            Name in an annotation, with or without its extension.  It may be untrusted: no file
            outside the folder is returned.

        Raises
        ------
        InputError
            If the name is empty or leads to no image in the folder through ``..``, several images
            fit it equally well, or the file is a link out of the folder.
        """
        parts, foreign = name_parts(name)
        # Strings are much faster than Path for a hundred thousand annotations.
        path: str | None = None if foreign else os.path.join(self.folder, *parts)
        if path is None or not os.path.isfile(path):
            path = self._index.find(parts, foreign=foreign)
        if path is None and ".." in name.replace("\\", "/").split("/"):
            raise InputError(f"Image name {name!r} does not name a file inside {self.folder}.")
        if path is None:
            return None
        _refuse_link(self.folder, path)
        return Path(path)

    def name_of(self, path: Path) -> str:
        """Return the path of an image inside the folder, with ``/``.

        Parameters
        ----------
        path : Path
            From `find`.
        """
        return os.fspath(path)[len(os.path.join(self.folder, "")) :].replace(os.sep, "/")

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

    @property
    def names(self) -> list[str]:
        """The names."""
        return list(self.files)

    def find(self, name: str) -> Path | None:
        """Return the file of an image; None if there is none.

        Parameters
        ----------
        name : str
            A key of `files`.
        """
        return self.files.get(name)


class ImagesOfPart(ImageFolder):
    """The images of one part of a data set, such as its subfolder ``train``.

    Parameters
    ----------
    images : ImageFolder
        The images of the data set.
    place : str
        Path of the part in the data set; empty if its names are those of the data set.
    """

    def __init__(self, images: ImageFolder, place: str) -> None:
        self.folder = images.folder
        self._images = images
        self._place = place

    @property
    def names(self) -> list[str]:
        """Paths of all images of the data set."""
        return self._images.names

    def find(self, name: str) -> Path | None:
        """Return the file of an image, in the folder of the part if it has one.

        Parameters
        ----------
        name : str
            As for `ImageFolder.find`.
        """
        return self._images.find(inside(self._place, name))


def inside(place: str, name: str) -> str:
    """Return the name of an image of a part in the whole data set.

    Parameters
    ----------
    place : str
        Path of the part in the data set.
    name : str
        Name in the part; that of another place, such as an absolute one, is returned as it is.

    Raises
    ------
    InputError
        If `name` names no file.
    """
    return name if not place or name_parts(name)[1] else f"{place}/{name}"


def images_beside(annotations: Path) -> ImageFolder | None:
    """Return the folder of the images of annotations; None if there is none near them.

    This is the first of these that holds an image, also in subfolders:

    1. ``images`` or ``JPEGImages`` in the folder of the annotations;
    2. the folder itself, if it or a subfolder has an image beside its annotation, or a subfolder
       has such a folder of images;
    3. ``images`` or ``JPEGImages`` beside the folder;
    4. the folder itself;
    5. if the folder is, or is inside, one called ``annotations`` or ``labels``: ``images``,
       ``JPEGImages``, or any folder beside that.

    Parameters
    ----------
    annotations : Path
        File or folder of annotations.
    """
    folder = annotations if annotations.is_dir() else annotations.parent
    folder = folder if folder.name not in ("", "..") else folder.resolve()
    own = [folder] if _images_lie_beside(folder) else []
    outside: list[Path] = []
    for place in (folder, *folder.absolute().parents[:_DEPTH]):
        if place.name.lower() in _ANNOTATION_FOLDERS:
            outside = [*_usual(place.parent), place.parent]
            break
    likely = [*_usual(folder), *own, *_usual(folder.parent)]
    for place in (*likely, folder, *outside):
        if _holds_images(place):
            return ImageFolder(place)
    return next((ImageFolder(place) for place in likely if place.is_dir()), None)


def _usual(folder: Path) -> list[Path]:
    return [folder / name for name in _FOLDERS]


def _images_lie_beside(folder: Path) -> bool:
    """Return whether images lie beside files of their stem, or in folders of the usual names."""
    for place, _, files in islice(os.walk(folder), _MOST_FOLDERS):
        images, others = set(), set()
        for name in files:
            suffix = image_suffix(name)
            if suffix:
                images.add(name[: -len(suffix)])
            else:
                others.add(os.path.splitext(name)[0])
        if images and (os.path.basename(place) in _FOLDERS or not images.isdisjoint(others)):
            return True
    return False


def _holds_images(folder: Path) -> bool:
    walk = islice(os.walk(folder), _MOST_FOLDERS)
    return any(image_suffix(name) for _, _, files in walk for name in files)


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
            _refuse_link(folder, path)
            return Path(path)
    return None


def _refuse_link(folder: str | Path, path: str) -> None:
    """Raise an error if the path, or a folder above it in `folder`, is a link out of `folder`."""
    part = start = os.fspath(folder)
    for name in path[len(start) :].strip(os.sep).split(os.sep):
        part = os.path.join(part, name)
        if os.path.islink(part) and not Path(path).resolve().is_relative_to(Path(folder).resolve()):
            raise InputError(f"Image {path} is a link out of {folder}. Put the file itself there.")
