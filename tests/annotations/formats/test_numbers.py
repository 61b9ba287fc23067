from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations.formats.numbers import (
    EXACT,
    edge_from_width,
    format_decimal,
    parse_count,
    parse_decimal,
    parse_flag,
    parse_number,
    width_between,
)

_EDGE = st.one_of(st.integers(0, 5000).map(float), st.floats(0, 1e9))


@settings(max_examples=300)
@given(_EDGE, _EDGE)
def test_the_width_leads_to_the_edge_from_width(first: float, second: float) -> None:
    near, far = sorted((first, second))
    assert edge_from_width(near, width_between(near, far)) == far


def test_where_a_plain_sum_reaches_no_odd_edge() -> None:
    near, far = 1.5012437030673027, 67108865.9817053
    step = math.ulp(far)
    assert all(near + (far - near + k * step) != far for k in (-1, 0, 1))
    assert edge_from_width(near, width_between(near, far)) == far


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_the_sum_is_that_of_floats_but_for_halves(near: float, width: float) -> None:
    total = near + width
    assert edge_from_width(near, width) in (total, math.nextafter(total, math.inf))


@pytest.mark.parametrize(
    ("near", "width", "far"), [(0, 0, 0), (3, -3, 0), (5e-324, 0, 5e-324), (2.5, 4, 6.5)]
)
def test_exact_sums_stay(near: float, width: float, far: float) -> None:
    assert edge_from_width(near, width) == far
    assert width_between(near, far) == width


@given(st.floats(-1e9, 1e9))
def test_numbers_are_shown_in_full(value: float) -> None:
    text = format_decimal(Decimal(repr(value)))
    assert float(text) == value
    assert "e" not in text.lower()


def test_whole_numbers_have_no_point() -> None:
    assert [format_decimal(Decimal(text)) for text in ("400.0", "1E+2", "0.50")] == [
        "400",
        "100",
        "0.5",
    ]


def test_the_smallest_and_the_largest_fit_in_one_number() -> None:
    total = EXACT.add(Decimal("5e-324"), Decimal(10**9))
    assert EXACT.subtract(total, Decimal(10**9)) == Decimal("5e-324")


@pytest.mark.parametrize("text", ["", "one", "1e99999999999999999999"])
def test_what_is_no_number_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["", "one", "nan", "inf", "1e9", "-1e300"])
def test_what_is_no_pixel_number_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_number(text)


def test_counts_and_flags() -> None:
    assert [parse_count(text) for text in (" ", "3", "4.0")] == [0, 3, 4]
    for text in ("-1", "1.5"):
        with pytest.raises(ValueError, match="not a number of pixels"):
            parse_count(text)
    assert [parse_flag(text) for text in ("Yes", "1", "Unspecified", "")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match="write 0 or 1"):
        parse_flag("maybe")
