"""Detect file types, before opening and by content."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from ..errors import InputError

__all__ = ["CONVERT_RAW", "PICTURE_KINDS", "REFUSED", "Kind", "check_regular", "kind_of"]

Kind = Literal[
    "fits",
    "gzip",
    "bzip2",
    "zip",
    "hdf5",
    "jpeg",
    "png",
    "webp",
    "tiff",
    "raw",
    "xisf",
    "text",
    "unknown",
]

CONVERT_RAW = "Convert it to FITS, for example with Siril, or to a linear TIFF of 16 bits."
"""Advice for a raw file of a digital camera."""
_GIVE = "Give a FITS, JPEG, PNG, WebP or TIFF image."
REFUSED: dict[Kind, str] = {
    "raw": f"a raw file of a camera. {CONVERT_RAW}",
    "xisf": "an XISF file of PixInsight. Save it as FITS there.",
    "zip": "a ZIP archive. Unpack it and give the folder.",
    "hdf5": f"an HDF5 file. {_GIVE}",
    "text": f"a text file. {_GIVE}",
    "unknown": f"of no type that can be read. {_GIVE}",
}
"""Description of the files that cannot be read, and what to give instead."""

PICTURE_KINDS: tuple[Kind, ...] = ("jpeg", "png", "webp", "tiff")

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"SIMPLE  =", "fits"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    # Raw files of Canon begin as a TIFF.
    (b"II*\x00\x10\x00\x00\x00CR", "raw"),
    (b"IIRO", "raw"),
    (b"IIRS", "raw"),
    (b"IIU\x00", "raw"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"XISF0100", "xisf"),
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
    """Return the type of a file; ``raw`` for that of a digital camera.

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
    if head[4:12] == b"ftypcrx ":
        return "raw"
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return "text" if head and printable >= 0.95 * len(head) else "unknown"
