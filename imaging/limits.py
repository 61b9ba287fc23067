"""How small and how large a field may be."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MIN_SIDE", "check_size"]

MIN_SIDE = 8
"""Pixels: no galaxy can be told from a star on less."""
MAX_PIXELS = 2**28
"""Pixels: 16384 x 16384; as three float32 bands this fills 3 GB."""
MAX_BYTES = 4 * 2**30
"""Bytes of a decompressed file."""


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse a field that is too small to hold a galaxy or too large to hold in memory.

    Raises
    ------
    InputError
        Names the file, its size and the limit.
    """
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{path} is {width} x {height} pixels; a field needs at least {MIN_SIDE} x {MIN_SIDE}. "
            "Give a larger image."
        )
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} says it is {width} x {height} pixels, more than the {MAX_PIXELS / 1e6:.0f} "
            "million that are read at once. Cut it into smaller fields."
        )
