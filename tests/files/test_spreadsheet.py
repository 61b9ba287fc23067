from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.files.spreadsheet import from_cell, to_cell

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "-", "-x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_text(text: str) -> None:
    assert to_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["M 31", "-12.5", "+1e5", "", "J0001+20", "it's", "'a'", -3, 0.5, None]
)
def test_other_values_stay(value: object) -> None:
    assert to_cell(value) == value


@given(st.text() | st.text("'=+-@\t\r1."))
def test_the_text_comes_back(text: str) -> None:
    assert from_cell(to_cell(text)) == text
