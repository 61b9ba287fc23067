from __future__ import annotations

import pandas as pd
import pytest

from galpipe.datasets.positions import table_positions


@pytest.mark.parametrize(
    ("ra", "dec", "position"),
    [
        ("180.5", "-12.25", (180.5, -12.25)),
        (0.0, 90.0, (0.0, 90.0)),
        ("", "12", None),
        ("12:00:00.1", "+01:00:00", None),
        ("-1", "5", None),
        ("20", "91", None),
    ],
)
def test_a_position_is_a_place_on_the_sky(ra: object, dec: object, position: object) -> None:
    assert table_positions(pd.DataFrame({"ra": [ra], "dec": [dec]})) == [position]


@pytest.mark.parametrize("columns", [["filename"], ["filename", "ra"]])
def test_without_both_columns_nothing_is_known(columns: list[str]) -> None:
    assert table_positions(pd.DataFrame({name: ["1", "2"] for name in columns})) == [None, None]
