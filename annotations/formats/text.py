"""Numbers and lines of text as annotation files hold them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from ...errors import OutputError
from ...files.atomic import atomic_path

__all__ = ["bounded", "parse_number", "show_number", "write_lines"]

_LARGEST = 1e9


def bounded(value: float) -> float:
    """Return a number if it can be a coordinate of an image.

    Raises
    ------
    ValueError
        If it is not finite, or 1e9 or more in size.
    """
    if not math.isfinite(value) or abs(value) >= _LARGEST:
        raise ValueError(f"{value:g} is no pixel number")
    return value


def parse_number(text: str) -> float:
    """Return the number that a text stands for.

    Raises
    ------
    ValueError
        If it is none, or not `bounded`.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None
    return bounded(value)


def show_number(value: float) -> str:
    """Return the shortest text that gives the number back; whole ones have no decimal point."""
    return str(int(value)) if value == int(value) else repr(float(value))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a UTF-8 file, whole or not at all; each line ends itself.

    Raises
    ------
    OutputError
        If it cannot be written, or a line holds half a character (JSON can), which no text can.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
            f.writelines(lines)
    except UnicodeEncodeError as error:
        raise OutputError(
            f"Cannot write {path}: {error.object!r:.60} is no text. Rename that image or class."
        ) from error
