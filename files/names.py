"""Make names unique, and safe as file names on every system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable

__all__ = ["SafeNames", "distinct_names", "printable", "safe_name", "shortened"]

# In ASCII, most punctuation has a meaning for shells, glob patterns or file systems.
_UNSAFE = re.compile(r"[\x00-*,/:-@[-^`{-\x7f]")
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9¹²³])(\.|$)", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")

# File systems allow 255 bytes; this leaves room for suffixes and temporary names.
_LONGEST = 200


def safe_name(text: str, *, default: str = "_") -> str:
    """Return a text as a file name that is safe on every system.

    Letters, marks, digits and symbols of any script are kept, in Unicode's form NFC, and ``.``,
    ``_``, ``+`` and ``-``.  Other ASCII characters, separators, bytes that are not UTF-8 and
    unassigned characters become ``_``; controls of the direction of writing and other invisible
    format characters are removed.  A name that Windows reserves for a device gets a ``_`` before
    it.

    Parameters
    ----------
    text : str
        Any text.
    default : str
        Name if nothing is left.

    Examples
    --------
    >>> safe_name("銀河 1/2.fits"), safe_name("nul.fits")
    ('銀河_1_2.fits', '_nul.fits')
    """
    # Composing may need two passes, as a removed character may have kept two others apart.
    kept = "".join(_safe_character(character) for character in unicodedata.normalize("NFC", text))
    name = unicodedata.normalize("NFC", _UNSAFE.sub("_", kept)).lstrip(".-")
    name = shortened(name, _LONGEST).rstrip(".") or default
    return f"_{name}" if _RESERVED.match(name) else name


def shortened(text: str, size: int) -> str:
    """Return the beginning of a text that has at most `size` bytes in UTF-8.

    Parameters
    ----------
    text : str
        The text.
    size : int
        Largest number of bytes.
    """
    return text.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")


def printable(text: object) -> str:
    """Return a text with ``�`` for each byte that is not UTF-8, so that it can be written.

    Parameters
    ----------
    text : object
        A file name or path, or another text.
    """
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", str(text))


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
        name = safe_name(identifier)
        # Some file systems do not distinguish "a" from "A".
        salt = identifier
        while _folded(name) in self._used:
            salt = hashlib.sha256(salt.encode("utf-8", "surrogatepass")).hexdigest()
            name = f"{shortened(name, _LONGEST - 9)}-{salt[:8]}"
        self._used.add(_folded(name))
        return name


def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return "_" if category[0] in "CZ" else character


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
