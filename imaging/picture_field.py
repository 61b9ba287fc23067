"""A decoded picture as a field."""

from __future__ import annotations

from pathlib import Path

from ..files.file_types import Kind
from .field import Field, check_usable
from .picture import read_picture

__all__ = ["picture_field"]


def picture_field(
    path: Path, data: bytes, kind: Kind, identifier: str, paths: tuple[Path, ...], checksum: str
) -> Field:
    """Decode a picture as a field.

    Parameters
    ----------
    path : Path
        Path of the picture, for messages.
    data : bytes
        Content of the file.
    kind : {"jpeg", "png", "webp", "tiff"}
        Type of the file, by its first bytes.
    identifier : str
        Identifier of the field.
    paths : tuple of Path
        Files of the field.
    checksum : str
        SHA-256 of the content.

    Raises
    ------
    InputError
        If the picture is damaged, truncated, too large, too small or of an unknown type, or has no
        usable pixel.
    """
    picture = read_picture(path, data, kind)
    check_usable(path, picture.bad)
    return Field(
        picture.pixels,
        identifier,
        paths,
        checksum,
        picture.bad,
        origin=picture.origin,
        linear=picture.linear,
        notes=picture.notes,
    )
