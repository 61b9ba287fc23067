"""Make names unique, and safe as file names on every system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

__all__ = ["SafeNames", "distinct_names"]

_UNSAFE = re.compile(r"[^0-9A-Za-z._+-]+")

# File systems allow 255 bytes; this leaves room for suffixes and temporary names.
_LONGEST = 120


def distinct_names(given: Iterable[str], key: Callable[[str], str] = str) -> list[str]:
    """Return distinct names.

    Parameters
    ----------
    given : iterable of str
        The names.  " 2", " 3" ... is appended to names that are taken.
    key : callable, optional
        Maps a name to the value that must be distinct; by default the name itself.

    Returns
    -------
    list of str
        In the order of `given`.

    Examples
    --------
    >>> distinct_names(["ssd", "ssd", "d0"])
    ['ssd', 'ssd 2', 'd0']
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
    """Map identifiers to unique file names that are safe on every system."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, identifier: str) -> str:
        """Return a new file name, without suffix.

        Parameters
        ----------
        identifier : str
            Any text.
        """
        name = _UNSAFE.sub("_", identifier).strip(".")[:_LONGEST] or "_"
        # Some file systems do not distinguish "a" from "A".
        salt = identifier
        while name.casefold() in self._used:
            salt = hashlib.sha256(salt.encode("utf-8", "surrogateescape")).hexdigest()
            name = f"{name[: _LONGEST - 9]}-{salt[:8]}"
        self._used.add(name.casefold())
        return name
