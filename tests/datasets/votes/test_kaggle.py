from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.datasets.votes.decision_trees import GZ2_TREE
from galpipe.datasets.votes.kaggle import (
    KAGGLE_COLUMNS,
    find_inconsistent,
    from_kaggle,
    to_kaggle,
)

ANSWERS = list(KAGGLE_COLUMNS.values())

# The rule as the pages of the challenge have it, written out by hand: who leads to which question.
LED_BY = {
    2: ["Class1.2"],
    3: ["Class2.2"],
    4: ["Class3.1", "Class3.2"],
    5: ["Class4.2", *(f"Class11.{k}" for k in range(1, 7))],
    7: ["Class1.1"],
    8: ["Class6.1"],
    9: ["Class2.1"],
    10: ["Class4.1"],
    11: ["Class10.1", "Class10.2", "Class10.3"],
}


def total(values: pd.DataFrame, question: int) -> float:
    columns = [c for c in values if str(c).startswith(f"Class{question}.")]
    return float(values[columns].iloc[0].sum())


@st.composite
def vote_shares(draw: st.DrawFn, *, answered: bool) -> pd.DataFrame:
    """Votes of a galaxy; with `answered`, at least one for every question."""
    votes: list[float] = []
    for question in GZ2_TREE.values():
        n = len(question.answers)
        counts = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
        if answered and not any(counts):
            counts[draw(st.integers(0, n - 1))] = 1
        votes += [count / 50 for count in counts]
    return pd.DataFrame([votes], columns=ANSWERS)


def golden() -> pd.DataFrame:
    """60 % saw a disk, half of them edge-on; the face-on half saw a spiral, and 1 of 4 a bar."""
    questions = [
        [0.3, 0.6, 0.1],
        [0.3, 0.3],
        [0.075, 0.225],
        [0.3, 0],
        [0, 0.15, 0.15, 0],
        [0.2, 0.8],
        [0, 0.3, 0],
        [0, 0, 0.05, 0, 0, 0.15, 0],
        [0.21, 0, 0.09],
        [0.12, 0, 0.18],
        [0, 0.2, 0, 0, 0, 0.1],
    ]
    values = [float(value) for question in questions for value in question]
    return pd.DataFrame([values], columns=list(KAGGLE_COLUMNS))


def test_the_columns() -> None:
    assert len(KAGGLE_COLUMNS) == 37
    assert list(KAGGLE_COLUMNS)[:3] == ["Class1.1", "Class1.2", "Class1.3"]
    assert list(KAGGLE_COLUMNS)[-1] == "Class11.6"
    numbers = [name.removeprefix("Class").split(".")[0] for name in KAGGLE_COLUMNS]
    assert [numbers.count(str(q)) for q in range(1, 12)] == [3, 2, 2, 2, 4, 2, 3, 7, 3, 3, 6]
    assert KAGGLE_COLUMNS["Class5.4"] == "t05_bulge_prominence_a13_dominant"
    assert KAGGLE_COLUMNS["Class8.6"] == "t08_odd_feature_a24_merger"
    assert KAGGLE_COLUMNS["Class9.3"] == "t09_bulge_shape_a27_no_bulge"


def test_a_galaxy_worked_out_by_hand() -> None:
    shares = from_kaggle(golden()).iloc[0]
    expected = {
        "t01_smooth_or_features_a02_features_or_disk": 0.6,
        "t02_edgeon_a04_yes": 0.5,
        "t03_bar_a06_bar": 0.25,
        "t04_spiral_a08_spiral": 1.0,
        "t06_odd_a14_yes": 0.2,
        "t07_rounded_a17_in_between": 1.0,
        "t08_odd_feature_a24_merger": 0.75,
        "t09_bulge_shape_a25_rounded": 0.7,
        "t10_arms_winding_a28_tight": 0.4,
        "t11_arms_number_a37_cant_tell": 1 / 3,
    }
    assert shares[list(expected)].to_dict() == pytest.approx(expected)
    pd.testing.assert_frame_equal(to_kaggle(from_kaggle(golden())), golden())
    assert not find_inconsistent(golden())[0].any()


@settings(max_examples=10)
@given(vote_shares(answered=True))
def test_the_37_columns_obey_the_tree(shares: pd.DataFrame) -> None:
    values = to_kaggle(shares)
    assert ((values >= 0) & (values <= 1 + 1e-9)).all(axis=None)
    # The question of something odd counts as asked of everybody.
    assert total(values, 1) == pytest.approx(1)
    assert total(values, 6) == pytest.approx(1)
    for question, leading in LED_BY.items():
        assert total(values, question) == pytest.approx(values[leading].iloc[0].sum())
    assert not find_inconsistent(values)[0].any()


@settings(max_examples=10)
@given(vote_shares(answered=False))
def test_there_and_back(shares: pd.DataFrame) -> None:
    values = to_kaggle(shares)
    again = from_kaggle(values)
    for name, question in GZ2_TREE.items():
        columns = question.columns()
        if again[columns].iloc[0].any():
            votes = shares[columns].iloc[0]
            assert again[columns].iloc[0].to_list() == pytest.approx(
                (votes / votes.sum()).to_list()
            )
        else:
            assert (
                values[[k for k, v in KAGGLE_COLUMNS.items() if v.startswith(name)]]
                .eq(0)
                .all(axis=None)
            )
    np.testing.assert_allclose(to_kaggle(again), values, atol=1e-12)
    assert not find_inconsistent(values)[0].any()


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"Class1.3": 0.0}, "question 1 sum to 0.9, those that lead to it to 1"),
        ({"Class2.2": 0.25}, "question 2 sum to 0.55, those that lead to it to 0.6"),
        ({"Class6.2": 0.7}, "question 6 sum to 0.9, those that lead to it to 1"),
        ({"Class8.1": 0.1}, "question 8 sum to 0.3, those that lead to it to 0.2"),
        ({"Class11.6": 0.0, "Class11.1": 0.3}, "question 11 sum to 0.5"),
    ],
)
def test_what_breaks_the_rule_is_found(cells: dict[str, float], fault: str) -> None:
    both = pd.concat([golden(), golden().assign(**cells)], ignore_index=True)
    assert find_inconsistent(both)[0].tolist() == [False, True]
    assert fault in find_inconsistent(both)[1]
    assert find_inconsistent(golden())[1] == ""


@pytest.mark.parametrize("digits", [3, 6])
def test_rounding_breaks_nothing(digits: int) -> None:
    shares = pd.DataFrame(np.random.default_rng(0).random((500, 37)), columns=ANSWERS)
    assert not find_inconsistent(to_kaggle(shares).round(digits))[0].any()


@pytest.mark.parametrize("question", [1, 8])
def test_a_question_that_nobody_answered_breaks_nothing(question: int) -> None:
    columns: Sequence[str] = [c for c in KAGGLE_COLUMNS if c.startswith(f"Class{question}.")]
    if question == 1:
        nobody = pd.DataFrame(0.0, index=[0], columns=list(KAGGLE_COLUMNS))
    else:
        nobody = golden().assign(**dict.fromkeys(columns, 0.0))
    assert not find_inconsistent(nobody)[0].any()
