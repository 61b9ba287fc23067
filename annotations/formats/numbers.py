"""Parse and format numbers and flags of annotation files, without rounding.

Formats that store a centre and a width, or one-based edges, preserve edges only if neither writer
nor reader rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path

from ...errors import OutputError
from ...files.atomic import atomic_path

__all__ = [
    "EXACT",
    "LARGEST_PIXEL",
    "check_pixel",
    "edge_from_width",
    "format_decimal",
    "format_number",
    "parse_count",
    "parse_decimal",
    "parse_flag",
    "parse_number",
    "width_between",
    "write_lines",
]

LARGEST_PIXEL = 1e9
"""Upper limit of coordinates and sizes."""

EXACT = Context(prec=400)
"""Decimal context for exact sums of the largest coordinate and the smallest float (5e-324)."""

_TRUE = frozenset({"1", "true", "yes", "y", "t", "1.0"})
_FALSE = frozenset({"0", "false", "no", "n", "f", "0.0", "", "unspecified", "none", "null"})


def check_pixel(value: float) -> float:
    """Return a pixel coordinate or size if it is finite and below `LARGEST_PIXEL`.

    Parameters
    ----------
    value : float
        Coordinate or size in pixels.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not abs(value) < LARGEST_PIXEL:
        raise ValueError(f"{value:g} is not a pixel number below {LARGEST_PIXEL:g}")
    return value


def parse_number(text: str) -> float:
    """Parse a pixel coordinate or size.

    Parameters
    ----------
    text : str
        The text.

    Raises
    ------
    ValueError
        If it is not a number, or fails `check_pixel`.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    return check_pixel(value)


def parse_count(text: str) -> int:
    """Parse a number of pixels; blank text is 0.

    Parameters
    ----------
    text : str
        The text.

    Raises
    ------
    ValueError
        If it is not a whole number of 0 or more.
    """
    value = parse_number(text) if text.strip() else 0.0
    if value < 0 or value != int(value):
        raise ValueError(f"{text[:40]!r} is not a number of pixels")
    return int(value)


def parse_flag(text: str) -> bool:
    """Parse a flag in any of the spellings of annotation tools; blank text is False.

    Parameters
    ----------
    text : str
        The text.

    Raises
    ------
    ValueError
        If it is neither yes nor no.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word not in _FALSE:
        raise ValueError(f"{text[:40]!r} is neither yes nor no: write 0 or 1")
    return False


def format_number(value: float) -> str:
    """Format a number with the fewest digits that preserve it, without a trailing ``.0``.

    Parameters
    ----------
    value : float
        A finite number.
    """
    return str(int(value)) if value == int(value) else repr(float(value))


def parse_decimal(text: str) -> Decimal:
    """Parse a decimal number.

    Parameters
    ----------
    text : str
        The text.

    Raises
    ------
    ValueError
        If it is not a number, or its exponent is out of bounds.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]} is not a number") from None


def format_decimal(value: Decimal) -> str:
    """Format a number with all digits, without exponent or trailing zeros.

    Parameters
    ----------
    value : Decimal
        A finite number.
    """
    return f"{EXACT.normalize(value):f}"


def edge_from_width(near: float, width: float) -> float:
    """Return ``near + width``, rounded half up.

    Floating-point addition rounds half to even, so that some edges are not the sum of `near` and
    any width.  Rounding half up makes each edge reachable (error term: D. Knuth, The Art of
    Computer Programming 2, 4.2.2).

    Parameters
    ----------
    near, width : float
        Edge and width in pixels.
    """
    total = near + width
    shift = total - near
    lost = (near - (total - shift)) + (width - shift)
    return math.nextafter(total, math.inf) if 0 < lost == math.ulp(total) / 2 else total


def width_between(near: float, far: float) -> float:
    """Return the width for which `edge_from_width` returns `far`.

    Parameters
    ----------
    near, far : float
        Edges in pixels.  A width exists if ``0 <= near <= far``; else the far edge may differ in
        its last digits.
    """
    width = far - near
    candidates = (width, math.nextafter(width, -math.inf), math.nextafter(width, math.inf))
    return next((value for value in candidates if edge_from_width(near, value) == far), width)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a UTF-8 text file atomically.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    lines : iterable of str
        Lines with their line ends.

    Raises
    ------
    OutputError
        If the file cannot be written, or a line holds a lone surrogate, which UTF-8 cannot encode.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
            f.writelines(lines)
    except UnicodeEncodeError as error:
        raise OutputError(
            f"Cannot write {path}: {error.object!r:.60} is not valid text. Rename that image or "
            "class."
        ) from error
