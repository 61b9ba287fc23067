"""Recognise the encoding of untrusted text: UTF-8 or UTF-16, with or without byte order mark."""

from __future__ import annotations

import codecs

__all__ = ["encoding_of"]

_HEAD = 64
# Pairs of bytes looked at: of text in a Latin script, most have one byte that is zero.
_FEWEST_PAIRS = 2


def encoding_of(head: bytes) -> str:
    """Return the name of the codec of a text.

    Windows programs write UTF-16, often without the byte order mark that would tell so.

    Parameters
    ----------
    head : bytes
        Beginning of the text.

    Returns
    -------
    str
        ``"utf-8-sig"``, ``"utf-16"``, ``"utf-16-le"`` or ``"utf-16-be"``.

    Examples
    --------
    >>> encoding_of("filename".encode("utf-16-le"))
    'utf-16-le'
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = head[:_HEAD][: len(head) // 2 * 2]
    even, odd = pairs[::2], pairs[1::2]
    if len(even) >= _FEWEST_PAIRS:
        for zeros, others, codec in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
            if 2 * zeros.count(0) > len(zeros) and not others.count(0):
                return codec
    return "utf-8-sig"
