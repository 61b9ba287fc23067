from __future__ import annotations

import pytest

from galpipe.files.lazy_sequence import LazySequence


class Squares(LazySequence[int]):
    def __len__(self) -> int:
        return 4

    def _item(self, number: int) -> int:
        return number**2


def test_items_and_slices_are_those_of_a_list() -> None:
    squares, expected = Squares(), [0, 1, 4, 9]
    assert list(squares) == expected
    assert squares[-1] == 9
    assert squares[1:] == expected[1:]
    assert squares[::-2] == expected[::-2]
    with pytest.raises(IndexError):
        squares[4]
