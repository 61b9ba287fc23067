"""Sequences whose items are made when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

__all__ = ["LazySequence"]

Item = TypeVar("Item")


class LazySequence(Sequence[Item]):
    """Sequence that makes its items when they are asked for; a slice of it is a list.

    Subclasses implement ``__len__`` and ``_item``.
    """

    @abstractmethod
    def _item(self, number: int) -> Item:
        """Return an item by its number, from 0, which is in range."""

    @overload
    def __getitem__(self, number: int) -> Item: ...

    @overload
    def __getitem__(self, number: slice) -> list[Item]: ...

    def __getitem__(self, number: int | slice) -> Item | list[Item]:
        """Return an item, or several.

        Parameters
        ----------
        number : int or slice
            Its number, from 0; negative numbers count from the end.
        """
        numbers = range(len(self))[number]
        return self._item(numbers) if isinstance(numbers, int) else list(map(self._item, numbers))
