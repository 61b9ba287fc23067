"""Images with a WCS, for annotations that say where on the sky an object is."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...imaging import FITS_SUFFIXES, Field, read_field
from ..images import ImageFolder

__all__ = ["open_sky_image", "sky_image_names"]


def sky_image_names(images: ImageFolder, table: Path) -> list[str]:
    """Return the image of a table's own stem, or else every FITS file of the folder but the table.

    Raises
    ------
    InputError
        If the folder holds no FITS image.
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
            f"{images.folder} holds no FITS image, and {table} gives places on the sky. Name the "
            "folder of the FITS images with --images."
        )
    return names


def open_sky_image(images: ImageFolder, name: str) -> tuple[Field, str]:
    """Return an image with a WCS, and its name in the folder.

    Raises
    ------
    InputError
        If there is no such image, it cannot be read or has no WCS.
    """
    path = images.find(name)
    if path is None:
        raise InputError(f"{images.folder} holds no image {name!r}.")
    field = read_field(path)
    if field.wcs is None:
        raise InputError(f"{path} has no WCS to lay places of the sky on. Give its FITS file.")
    return field, path.relative_to(images.folder).as_posix()
