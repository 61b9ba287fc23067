"""Write uncompressed TIFF files of any variety, for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_FORMS = {3: "H", 4: "I", 16: "Q"}
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_FORMAT = {"u": 1, "i": 2, "f": 3}

Tags = Mapping[int, tuple[int, Sequence[int]]]


def tags_of(pixels: NDArray[np.generic], photometric: int, tags: Tags | None = None) -> Tags:
    """Return the tags of an array of shape (H, W) or (H, W, C), replaced or extended by `tags`."""
    height, width = pixels.shape[:2]
    count = pixels.shape[2] if pixels.ndim == 3 else 1
    return {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8 * pixels.dtype.itemsize] * count),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [count]),
        278: (4, [height]),
        284: (3, [1]),
        339: (3, [_FORMAT[pixels.dtype.kind]] * count),
        **(tags or {}),
    }


def tiff(
    blocks: Sequence[bytes], tags: Tags, *, order: str = "<", big: bool = False, pages: int = 1
) -> bytes:
    """Return a TIFF with strips or, with tag 322, tiles; further pages repeat the first."""
    place = order + ("Q" if big else "I")
    magic = struct.pack(f"{order}HHH", 43, 8, 0) if big else struct.pack(f"{order}H", 42)
    content = bytearray((b"II" if order == "<" else b"MM") + magic)
    links = [len(content)]
    content += bytes(struct.calcsize(place))
    offsets = []
    for block in blocks:
        offsets.append(len(content))
        content += block + bytes(len(block) % 2)
    tiled = 322 in tags
    every = {
        **tags,
        _OFFSETS[tiled]: (4, offsets),
        _COUNTS[tiled]: (4, [len(block) for block in blocks]),
    }
    for _ in range(pages):
        entries = b""
        for tag, (form, values) in sorted(every.items()):
            packed = struct.pack(f"{order}{len(values)}{_FORMS[form]}", *values)
            if len(packed) > struct.calcsize(place):
                content += bytes(len(content) % 2)
                where = struct.pack(place, len(content))
                content += packed
                packed = where
            entries += struct.pack(f"{order}HH", tag, form) + struct.pack(place, len(values))
            entries += packed.ljust(struct.calcsize(place), b"\0")
        content += bytes(len(content) % 2)
        start = len(content)
        content[links[-1] : links[-1] + struct.calcsize(place)] = struct.pack(place, start)
        content += struct.pack(order + ("Q" if big else "H"), len(every)) + entries
        links.append(len(content))
        content += bytes(struct.calcsize(place))
    return bytes(content)
