"""Names of sources, what they are called in pictures, and the files written about them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["SafeNames", "SourceNames", "distinct_names", "object_label", "sky_name"]

_UNSAFE = re.compile(r"[^0-9A-Za-z._+-]+")

# File systems allow 255 bytes; this leaves room for a suffix and for the marks of a partial file.
_LONGEST = 120


def distinct_names(given: Iterable[str], key: Callable[[str], str] = str) -> list[str]:
    """Return names of which no two are alike.

    Parameters
    ----------
    given : iterable of str
        The names.  One that is taken gets " 2", " 3" ... behind it.
    key : callable, optional
        What must differ of two names; by default the names themselves.
    """
    names: list[str] = []
    taken: set[str] = set()
    for wanted in given:
        name, number = wanted, 1
        while key(name) in taken:
            number += 1
            name = f"{wanted} {number}"
        names.append(name)
        taken.add(key(name))
    return names


def sky_name(ra: float, dec: float) -> str:
    """Return the name of a source after its place, in the manner of the IAU.

    Coordinates are truncated, not rounded, as the IAU asks (its "Specifications concerning
    designations for astronomical radiation sources outside the solar system").

    Parameters
    ----------
    ra, dec : float
        ICRS degrees.

    Examples
    --------
    >>> sky_name(312.7505, -5.209583)
    'GP J205100.12-051234.4'
    """
    # The small addend keeps a value that is exact in decimals from being cut to the one below.
    time = int(np.floor((ra % 360) * 24000 + 1e-6))
    angle = int(np.floor(abs(dec) * 36000 + 1e-6))
    hours, minutes, centiseconds = time // 360000, time // 6000 % 60, time % 6000
    degrees, arcminutes, deciseconds = angle // 36000, angle // 600 % 60, angle % 600
    return (
        f"GP J{hours:02d}{minutes:02d}{centiseconds // 100:02d}.{centiseconds % 100:02d}"
        f"{'-' if dec < 0 else '+'}"
        f"{degrees:02d}{arcminutes:02d}{deciseconds // 10:02d}.{deciseconds % 10}"
    )


def object_label(row: Mapping[str, Any]) -> str:
    """Return what a row of the catalogue is, and how sure that is.

    The class and its probability where it was classified; else the detector's class, if that has
    several, and the score.
    """
    if row.get("class_name"):
        return f"{row['class_name']} {row['probability']:.2f}"
    return f"{row.get('detected_class', '')} {row['score']:.2f}".strip()


class SourceNames:
    """Gives every galaxy of a run its own name.

    A galaxy with known sky coordinates is named after them, any other after its field and its
    number in it.  What would have a name already given (the same sky in two fields) gets a letter
    behind it: ``b`` for the second, and so on.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def __call__(self, field: str, number: int, ra: float, dec: float) -> str:
        """Return the name of the galaxy `number`, counted from 1, of the field."""
        known = np.isfinite(ra) and np.isfinite(dec)
        name = sky_name(ra, dec) if known else f"{field}-{number:04d}"
        while True:
            count = self._given.get(name, 0) + 1
            self._given[name] = count
            if count == 1:
                return name
            name += _letters(count)


class SafeNames:
    """Turns identifiers into file names that are safe anywhere and never the same twice."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, identifier: str) -> str:
        """Return a file name, without suffix, for an identifier that was not named before."""
        name = _UNSAFE.sub("_", identifier).strip(".")[:_LONGEST] or "_"
        # Compared without case: the disks of some systems do not tell "a" from "A".
        salt = identifier
        while name.casefold() in self._used:
            salt = hashlib.sha256(salt.encode("utf-8", "surrogateescape")).hexdigest()
            name = f"{name[: _LONGEST - 9]}-{salt[:8]}"
        self._used.add(name.casefold())
        return name


def _letters(count: int) -> str:
    """Return ``b`` for 2 to ``z`` for 26, ``aa`` for 27 and so on."""
    text = ""
    while count:
        count, rest = divmod(count - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
