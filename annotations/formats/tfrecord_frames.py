"""The frames of a TFRecord file, checked before TensorFlow reads it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from ...errors import InputError

__all__ = ["check_frames"]

# Each record stands between its length, that length's checksum, and its own checksum.
_HEAD = struct.Struct("<QI")
_FOOT = 4

_MAX_RECORD = 2**30
"""Bytes; larger than any image that can be read."""


def check_frames(file: Path) -> None:
    """Refuse a file whose records do not end where the file ends.

    TensorFlow sets memory aside for as many bytes as a record says it has, before it looks whether
    they are there: a few bytes made for that would end the program.

    Raises
    ------
    InputError
        If the file cannot be read, breaks off, is packed, or is no TFRecord file.
    """
    try:
        if not file.is_file():
            raise InputError(f"Cannot read {file}: there is no such file.")
        with file.open("rb") as content:
            end = os.fstat(content.fileno()).st_size
            number = place = 0
            while place < end:
                head = content.read(_HEAD.size)
                number += 1
                length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else end
                place += _HEAD.size + length + _FOOT
                if not 0 < length <= _MAX_RECORD or place > end:
                    raise InputError(
                        f"{file} breaks off at record {number}, or is no plain TFRecord file. "
                        "Copy or write it again, without compression."
                    )
                content.seek(place)
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}") from error
