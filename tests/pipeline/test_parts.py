from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.pipeline.parts import PARTS, read_parts, write_part

KEYS = st.integers(0, 2**64 - 1)
VALUES = st.floats(allow_nan=False) | st.text(st.characters(), max_size=5) | st.integers()
RESULTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=3)


@settings(max_examples=20)
@given(st.dictionaries(KEYS, RESULTS, max_size=8), st.integers(1, 4))
def test_results_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, units: dict[int, list[dict[str, object]]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("out")
    items = list(units.items())
    for start in range(0, len(items), size):
        write_part(folder, "mine", items[start : start + size])
    index = read_parts(folder, "mine")
    assert len(index) == len(units)
    for key, results in items:
        assert key in index
        assert list(index.results(key)) == results
    assert len(read_parts(folder, "another")) == 0


def test_nan_and_the_last_digit_are_kept(tmp_path: Path) -> None:
    values = [math.nan, 0.1 + 0.2, float(np.float32(0.1)), 1e300]
    write_part(tmp_path, "mine", [(1, [{"x": values}])])
    (result,) = read_parts(tmp_path, "mine").results(1)
    np.testing.assert_array_equal(result["x"], values)


def test_equal_results_are_one_part(tmp_path: Path) -> None:
    names = {write_part(tmp_path, "mine", [(5, [{"a": 1}])]) for _ in range(2)}
    assert [path.name for path in (tmp_path / PARTS).iterdir()] == list(names)


def test_a_unit_that_was_done_twice_counts_once(tmp_path: Path) -> None:
    write_part(tmp_path, "mine", [(5, [{"a": 1}]), (6, [{"a": 2}])])
    write_part(tmp_path, "mine", [(6, [{"a": 2}]), (7, [{"a": 3}])])
    index = read_parts(tmp_path, "mine")
    assert [list(index.results(key)) for key in (5, 6, 7)] == [[{"a": 1}], [{"a": 2}], [{"a": 3}]]
    assert 8 not in index
    assert list(index.results(8)) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_part_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    good = write_part(tmp_path, "mine", [(1, [{"a": 1}])])
    path = tmp_path / PARTS / write_part(tmp_path, "mine", [(2, [{"a": 2}])])
    content = path.read_bytes()
    damaged = {"cut": content[:-3], "changed": content.replace(b"2", b"3"), "empty": b""}
    path.write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING, "galpipe"):
        index = read_parts(tmp_path, "mine")
    assert f"{path} is damaged" in caplog.text
    assert good not in caplog.text
    assert 1 in index
    assert 2 not in index
