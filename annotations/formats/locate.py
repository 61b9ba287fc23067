"""What an image file can add to its annotation: its full name and its size."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ...errors import InputError
from ..annotation import AnnotatedImage
from ..images import ImageFolder, image_stem

__all__ = ["fill_size", "locate", "named_by_file"]


def locate(image: AnnotatedImage, images: ImageFolder | None) -> AnnotatedImage:
    """Return the image with its size, where the annotation lacks it and the image can be read.

    Parameters
    ----------
    image : AnnotatedImage
        Width or height is 0 where the annotation does not say.
    images : ImageFolder or None
        Where the images lie.

    Raises
    ------
    InputError
        If the image's name leads out of the folder.
    """
    if images is None or (image.width and image.height):
        return image
    return _fill_if_readable(image, images, images.find(image.filename))


def named_by_file(image: AnnotatedImage, images: ImageFolder | None, stem: str) -> AnnotatedImage:
    """Return the image with the name of its file, and its size as `locate` does.

    The image with the annotation file's own stem comes first, since the name inside the file may
    be that of an image renamed since, or hold the folders of another machine.

    Parameters
    ----------
    image : AnnotatedImage
        What the annotation says.
    images : ImageFolder or None
        Where the images lie.
    stem : str
        Of the annotation file.

    Raises
    ------
    InputError
        If the image's name leads out of the folder, and none is named as the annotation file is.
    """
    if images is None:
        return image
    path = images.find(stem)
    # Of several images of that stem (a.jpg, a.fits), the name tells which.
    if path is None or path.name != image.filename.rpartition("/")[2]:
        try:
            named = images.find(image.filename)
        except InputError:
            if path is None:
                raise
        else:
            if named is not None and (path is None or image_stem(named.name) == stem):
                path = named
    if path is None:
        return image
    if path.name != image.filename:
        image = replace(image, filename=path.relative_to(images.folder).as_posix())
    return _fill_if_readable(image, images, path)


def fill_size(image: AnnotatedImage, images: ImageFolder, path: Path) -> AnnotatedImage:
    """Return the image with the size of its file, unless the annotation says it.

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
        # An unreadable image is a fault of its own, which `check` names.
        with suppress(InputError):
            return fill_size(image, images, path)
    return image
