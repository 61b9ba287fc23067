"""How numbers are put into words."""

from __future__ import annotations

__all__ = ["number_of"]


def number_of(count: int, noun: str) -> str:
    """Return so many of a thing: ``1 box``, ``1,200 images``."""
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
