"""Detect file types, before opening and by content."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from ..errors import InputError

__all__ = ["PICTURE_KINDS", "Kind", "check_regular", "kind_of"]

Kind = Literal["fits", "gzip", "bzip2", "jpeg", "png", "webp", "tiff", "text", "unknown"]

PICTURE_KINDS: tuple[Kind, ...] = ("jpeg", "png", "webp", "tiff")

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"SIMPLE  =", "fits"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_regular(path: Path) -> int:
    """Return the size of a regular file in bytes, without opening it.

    Opening a pipe waits until another program writes to it, and a device may never end.

    Parameters
    ----------
    path : Path
        The file, or a link to it.

    Raises
    ------
    InputError
        If there is no such file, or it is a folder, pipe, socket or device.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise InputError(f"Cannot read {path}: there is no such file.") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise InputError(
            f"Cannot read {path}: it is {kind}. Give a regular file; save the data to one first."
        )
    return status.st_size


def kind_of(head: bytes) -> Kind:
    """Return the type of a file.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 64 are enough.
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return "text" if head and printable >= 0.95 * len(head) else "unknown"
