"""Names of sources, what they are called in pictures, and the files written about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["SourceNames", "object_label", "sky_name"]


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


def _letters(count: int) -> str:
    """Return ``b`` for 2 to ``z`` for 26, ``aa`` for 27 and so on."""
    text = ""
    while count:
        count, rest = divmod(count - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
