"""Match images and annotation files by name, and fill in image sizes.

Image names are untrusted: they are only looked up in an `ImageFolder`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ...errors import InputError, OutputError
from ...imaging import FITS_SUFFIXES, Field, read_field
from ..annotation import AnnotatedImage
from ..image_index import name_parts
from ..images import ImageFolder, image_stem

__all__ = [
    "annotation_files",
    "any_annotation_file",
    "files_by_stem",
    "fill_size",
    "locate",
    "mirrored_stem",
    "named_by_file",
    "open_sky_image",
    "sky_image_names",
]

# Folders of annotations, with those of the images beside them in Pascal VOC and DOTA.
_IMAGES_OF = {"Annotations": "JPEGImages", "labelTxt": "images"}

_NOT_KEPT = ("images", "jpegimages", "labels", "annotations")


def annotation_files(path: Path, is_annotation: Callable[[Path], bool], kind: str) -> list[Path]:
    """Return the annotation files of a folder and its subfolders, sorted, or the path of a file.

    Parameters
    ----------
    path : Path
        File or folder.
    is_annotation : callable
        Returns whether a path is a file of the format.
    kind : str
        Kind of file, for the message, such as ``.reg file``.

    Raises
    ------
    InputError
        If the folder cannot be read or has none.
    """
    if path.is_file():
        return [path]
    try:
        files = sorted(filter(is_annotation, _walk(path)))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    if not files:
        raise InputError(f"{path} holds no {kind}.")
    return files


def any_annotation_file(
    path: Path,
    is_annotation: Callable[[Path], bool],
    *,
    subfolders: bool = False,
    suffix: str = "",
) -> Path | None:
    """Return any annotation file at a path, a file or a folder; None if there is none.

    Parameters
    ----------
    path : Path
        File or folder; errors of the file system are ignored.
    is_annotation : callable
        Returns whether a path is a file of the format.
    subfolders : bool
        Search subfolders too.
    suffix : str
        End of the names of all files of the format, in lower case.
    """
    with suppress(OSError, ValueError):
        if not path.is_dir():
            return path if is_annotation(path) else None
        return next(
            filter(is_annotation, _walk(path, suffix) if subfolders else path.iterdir()), None
        )
    return None


def _walk(folder: Path, suffix: str = "") -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, without hidden folders."""

    def fail(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files if name.lower().endswith(suffix))


def mirrored_stem(file: Path, path: Path) -> str:
    """Return the path of an annotation's image in the data set, without its extension.

    Parameters
    ----------
    file : Path
        The annotation file.
    path : Path
        The file itself, or the folder of the data set.
    """
    if path in (file, file.parent):
        return file.stem
    folders = file.relative_to(path).parent.parts
    mirrored = [_IMAGES_OF.get(part, part) for part in folders]
    return "/".join((*mirrored, file.stem))


def files_by_stem(
    folder: Path, names: Iterable[str], suffix: str, *, keep_folders: bool = False
) -> list[Path]:
    """Return one file for each image, with the image's stem and another suffix.

    Folders in the names of images are dropped where all stems differ, and kept otherwise.  Folders
    of another place, such as those of an absolute name, are always dropped, and so are ``images``
    and ``labels``.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    names : iterable of str
        Names of the images.
    suffix : str
        Suffix of the files, with its dot.
    keep_folders : bool
        Keep the folders in any case.

    Raises
    ------
    InputError
        If an image's name is not a file name.
    OutputError
        If two images would share a file.
    """
    names = list(names)
    stems = [image_stem(name) for name in names]
    if keep_folders or len(set(stems)) < len(stems):
        stems = ["/".join((*_folders(n), stem)) for n, stem in zip(names, stems, strict=True)]
    files: dict[Path, str] = {}
    for name, stem in zip(names, stems, strict=True):
        file = folder / f"{stem}{suffix}"
        if file in files:
            raise OutputError(
                f"Two images, {files[file]} and {name}, would share {file}. Give each its own file "
                "name."
            )
        files[file] = name
    return list(files)


def _folders(name: str) -> list[str]:
    parts, foreign = name_parts(name)
    return [] if foreign else [part for part in parts[:-1] if part.lower() not in _NOT_KEPT]


def locate(image: AnnotatedImage, images: ImageFolder | None) -> AnnotatedImage:
    """Fill in a missing image size from the image file, if it can be read.

    Parameters
    ----------
    image : AnnotatedImage
        Annotation; width and height are 0 if unknown.
    images : ImageFolder or None
        Folder of the images.

    Raises
    ------
    InputError
        If the name fits several images, or the image is a link out of the folder.
    """
    if images is None or (image.width and image.height):
        return image
    return _fill_if_readable(image, images, images.find(image.filename))


def named_by_file(image: AnnotatedImage, images: ImageFolder | None, stem: str) -> AnnotatedImage:
    """Correct an image's name to that of its file, and fill in its size like `locate`.

    The image with the stem of the annotation file takes precedence, since the name in the file may
    be outdated or refer to folders of another machine.

    Parameters
    ----------
    image : AnnotatedImage
        Image as annotated.
    images : ImageFolder or None
        Folder of the images.
    stem : str
        Stem of the annotation file, with the folders above it in the data set.

    Raises
    ------
    InputError
        If no image has the stem, and the name fits several.
    """
    if images is None:
        return image
    try:
        path = images.find(stem)
    except InputError:
        path = None
    # Of several images of that stem (a.jpg, a.fits), the annotated name selects one.
    if path is None or path.name != image.filename.rpartition("/")[2]:
        try:
            named = images.find(image.filename)
        except InputError:
            if path is None:
                raise
        else:
            if named is not None and (
                path is None or image_stem(named.name) == stem.rpartition("/")[2]
            ):
                path = named
    if path is None:
        return image
    name = images.name_of(path)
    if name != image.filename:
        image = replace(image, filename=name)
    return _fill_if_readable(image, images, path)


def fill_size(image: AnnotatedImage, images: ImageFolder, path: Path) -> AnnotatedImage:
    """Fill in a missing image size from the image file.

    Parameters
    ----------
    image : AnnotatedImage
        Annotation; width and height are 0 if unknown.
    images : ImageFolder
        Folder of the images.
    path : Path
        File of the image.

    Raises
    ------
    InputError
        If the size is needed and the file cannot be read.
    """
    if image.width and image.height:
        return image
    width, height = images.size(path)
    return replace(image, width=width, height=height)


def _fill_if_readable(
    image: AnnotatedImage, images: ImageFolder, path: Path | None
) -> AnnotatedImage:
    if path is not None:
        # Unreadable images are reported by `check`.
        with suppress(InputError):
            return fill_size(image, images, path)
    return image


def sky_image_names(images: ImageFolder, table: Path) -> list[str]:
    """Return the image with the stem of a sky table, or else all FITS files of the folder.

    Parameters
    ----------
    images : ImageFolder
        Folder of the images.
    table : Path
        The table, which is never returned.

    Raises
    ------
    InputError
        If the folder has no FITS image.
    """
    own = images.find(table.stem)
    if own is not None and not own.samefile(table):
        return [own.relative_to(images.folder).as_posix()]
    names = sorted(
        path.name
        for path in images.folder.iterdir()
        if path.name.lower().endswith(FITS_SUFFIXES) and not path.samefile(table)
    )
    if not names:
        raise InputError(
            f"{images.folder} holds no FITS image, and {table} gives sky coordinates. Give the "
            "folder of the FITS images with --images."
        )
    return names


def open_sky_image(images: ImageFolder, name: str) -> tuple[Field, str]:
    """Return an image with a WCS, and its name in the folder.

    Parameters
    ----------
    images : ImageFolder
        Folder of the images.
    name : str
        Name of the image.

    Raises
    ------
    InputError
        If there is no such image, or it cannot be read or has no WCS.
    """
    path = images.find(name)
    if path is None:
        raise InputError(f"{images.folder} holds no image {name!r}.")
    field = read_field(path)
    if field.wcs is None:
        raise InputError(f"{path} has no WCS to place sky coordinates on. Give its FITS file.")
    return field, path.relative_to(images.folder).as_posix()
