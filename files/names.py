"""File names that are safe on every system, and names of which no two are alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

__all__ = ["SafeNames", "distinct_names"]

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
