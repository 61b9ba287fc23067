"""Yes or no, in the spellings that annotation tools use."""

from __future__ import annotations

__all__ = ["parse_flag"]

_TRUE = frozenset({"1", "true", "yes", "y", "t", "1.0"})
_FALSE = frozenset({"0", "false", "no", "n", "f", "0.0", "", "unspecified", "none", "null"})


def parse_flag(text: str) -> bool:
    """Return what a flag says; an empty one says no.

    Raises
    ------
    ValueError
        If it is neither yes nor no.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{text[:40]!r} is neither yes nor no: write 0 or 1")
