"""Unpack FITS files that are packed with gzip or bzip2."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import InputError
from ..files.file_types import Kind
from .field import MAX_BYTES, MIN_SIDE, check_size
from .fits_structure import read_header

__all__ = ["open_unpacked"]

_FITS = b"SIMPLE"
_BLOCK = 2**20
# The last contents, by the checksum of the packed file. A file is listed before it is read, and a
# field may have three files.
_recent: dict[str, bytes] = {}
_MOST_RECENT = 3
_LARGEST_KEPT = 2**28


def open_unpacked(path: Path, kind: Kind) -> BinaryIO:
    """Open a FITS file, unpacked in memory if it is packed.

    Small contents are kept for the next call, since bzip2 takes seconds.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"fits", "gzip", "bzip2"}
        Type of the file, by its first bytes.

    Returns
    -------
    binary file
        At its start.

    Raises
    ------
    InputError
        If the content is damaged, too large or not FITS.
    """
    if kind == "fits":
        return path.open("rb")
    with path.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    content = _recent.get(checksum)
    if content is None:
        content = _unpacked(path, kind)
        if len(content) <= _LARGEST_KEPT:
            while len(_recent) >= _MOST_RECENT:
                _recent.pop(next(iter(_recent)), None)
            _recent[checksum] = content
    return io.BytesIO(content)


def _unpacked(path: Path, kind: Kind) -> bytes:
    opener = gzip.open if kind == "gzip" else bz2.open
    whole = io.BytesIO()
    try:
        with cast(BinaryIO, opener(path, "rb")) as packed:
            _check_header(path, packed)
            while block := packed.read(_BLOCK):
                whole.write(block)
                if whole.tell() > MAX_BYTES:
                    raise InputError(
                        f"{path} unpacks to more than {MAX_BYTES / 2**30:.0f} GB. Cut it into "
                        "smaller fields."
                    )
    except (OSError, EOFError, zlib.error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise InputError(
            f"{path} could not be unpacked ({reason}). Copy or download it again."
        ) from error
    return whole.getvalue()


def _check_header(path: Path, packed: BinaryIO) -> None:
    """Refuse a file by its first header, before the rest is unpacked."""
    if packed.read(len(_FITS)) != _FITS:
        raise InputError(f"{path} is a packed file, but not of a FITS image.")
    packed.seek(0)
    extent = read_header(packed, str(path))
    width, height = (extent.cards.get(f"NAXIS{axis}", 0) for axis in (1, 2))
    if isinstance(width, int) and isinstance(height, int) and extent.size:
        # The file in memory, and its pixels as decoded.
        check_size(path, max(width, MIN_SIDE), max(height, MIN_SIDE), decoded=2 * extent.size)
    packed.seek(0)
