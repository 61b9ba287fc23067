"""Long lists of texts, such as paths, in a few bytes each."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .lazy_sequence import LazySequence

__all__ = ["PackedTexts", "text_digests"]

_BLOCK = 512  # texts compressed together
_DIGEST = 16  # bytes


class PackedTexts(LazySequence[str]):
    """Texts in memory, compressed in blocks, to read in order; paths take some ten bytes each.

    Parameters
    ----------
    texts : iterable of str
        The texts, which may hold any character.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._packed: list[bytes] = []
        self._last: list[str] = []  # not yet packed
        self._opened: tuple[int, list[str]] = -1, []  # the block that was read last
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text at the end.

        Parameters
        ----------
        text : str
            The text.
        """
        self._last.append(text)
        if len(self._last) == _BLOCK:
            self._packed.append(zlib.compress(json.dumps(self._last).encode("ascii")))
            self._last = []

    def __len__(self) -> int:
        return len(self._packed) * _BLOCK + len(self._last)

    def _item(self, number: int) -> str:
        """Return a text."""
        block, place = divmod(number, _BLOCK)
        return self._block(block)[place]

    def _block(self, number: int) -> list[str]:
        if number == len(self._packed):
            return self._last
        opened, texts = self._opened
        if opened != number:
            texts = json.loads(zlib.decompress(self._packed[number]))
            self._opened = number, texts
        return texts


def text_digests(texts: Iterable[str]) -> NDArray[np.bytes_]:
    """Return a digest of each text, by which equal ones are found in 16 bytes each.

    Parameters
    ----------
    texts : iterable of str
        N texts.

    Returns
    -------
    ndarray of bytes, shape (N,)
        They can be compared and sorted.
    """
    digests = bytearray()
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digests += hashlib.blake2b(content, digest_size=_DIGEST).digest()
    return np.frombuffer(bytes(digests), dtype=f"S{_DIGEST}")
