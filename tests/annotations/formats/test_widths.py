from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations.formats.widths import far_edge, width_between

_EDGE = st.one_of(st.integers(0, 5000).map(float), st.floats(0, 1e9))


@settings(max_examples=1000)
@given(_EDGE, _EDGE)
def test_the_width_leads_to_the_far_edge(first: float, second: float) -> None:
    near, far = sorted((first, second))
    assert far_edge(near, width_between(near, far)) == far


def test_where_a_plain_sum_reaches_no_odd_edge() -> None:
    near, far = 1.5012437030673027, 67108865.9817053
    step = math.ulp(far)
    assert all(near + (far - near + k * step) != far for k in (-1, 0, 1))
    assert far_edge(near, width_between(near, far)) == far


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_the_sum_is_that_of_floats_but_for_halves(near: float, width: float) -> None:
    total = near + width
    assert far_edge(near, width) in (total, math.nextafter(total, math.inf))


@pytest.mark.parametrize(
    ("near", "width", "far"), [(0, 0, 0), (3, -3, 0), (5e-324, 0, 5e-324), (2.5, 4, 6.5)]
)
def test_exact_sums_stay(near: float, width: float, far: float) -> None:
    assert far_edge(near, width) == far
    assert width_between(near, far) == width
