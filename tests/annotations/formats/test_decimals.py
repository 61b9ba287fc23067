from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations.formats.decimals import EXACT, decimal_from_text, show_decimal


@given(st.floats(-1e9, 1e9))
def test_numbers_are_shown_in_full(value: float) -> None:
    text = show_decimal(Decimal(repr(value)))
    assert float(text) == value
    assert "e" not in text.lower()


def test_whole_numbers_have_no_point() -> None:
    assert [show_decimal(Decimal(text)) for text in ("400.0", "1E+2", "0.50")] == [
        "400",
        "100",
        "0.5",
    ]


def test_the_smallest_and_the_largest_fit_in_one_number() -> None:
    total = EXACT.add(Decimal("5e-324"), Decimal(10**9))
    assert EXACT.subtract(total, Decimal(10**9)) == Decimal("5e-324")


@pytest.mark.parametrize("text", ["", "one", "1e99999999999999999999"])
def test_what_is_no_number_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        decimal_from_text(text)
