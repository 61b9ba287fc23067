from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import GALAXY10_DECALS
from galpipe.datasets.votes.class_rules import GALAXY10_RULE, Choice, galaxy10_allowed
from galpipe.datasets.votes.decision_trees import GZ2_TREE
from galpipe.datasets.votes.vote_table import read_votes

ALL_COLUMNS = [column for question in GZ2_TREE.values() for column in question.columns()]


def votes(**answers: float) -> pd.DataFrame:
    """Votes of a galaxy: each answer by its code, such as ``a06=0.9``; the rest are 0."""
    row = {c: next((v for k, v in answers.items() if f"_{k}_" in c), 0.0) for c in ALL_COLUMNS}
    return pd.DataFrame([row])


NOT_ODD: dict[str, float] = {"a14": 0.1, "a15": 0.9}
SMOOTH = NOT_ODD | {"a01": 0.9, "a02": 0.1}
DISC = NOT_ODD | {"a01": 0.1, "a02": 0.9}
EDGE_ON = DISC | {"a04": 0.9, "a05": 0.1}
SPIRAL = DISC | {"a04": 0.1, "a05": 0.9, "a08": 0.9, "a09": 0.1}
UNBARRED = SPIRAL | {"a06": 0.1, "a07": 0.9}
ODD = {"a14": 0.9, "a15": 0.1}


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        (ODD | {"a21": 0.5, "a22": 0.3, "a24": 0.2}, (0,)),
        (ODD | {"a24": 0.8, "a22": 0.2}, (1,)),
        (ODD | {"a24": 0.5, "a22": 0.5}, (0, 1)),
        (SMOOTH | {"a16": 0.9, "a17": 0.1}, (2,)),
        (SMOOTH | {"a16": 0.1, "a17": 0.9}, (3,)),
        (SMOOTH | {"a17": 0.1, "a18": 0.9}, (4,)),
        (SMOOTH | {"a16": 0.5, "a17": 0.5}, (2, 3)),
        (SPIRAL | {"a06": 0.9, "a07": 0.1, "a28": 1.0}, (5,)),
        (UNBARRED | {"a28": 0.9, "a29": 0.1}, (6,)),
        (UNBARRED | {"a30": 0.9, "a28": 0.1}, (7,)),
        (UNBARRED | {"a29": 0.7, "a28": 0.3}, (7,)),
        (SPIRAL | {"a06": 0.5, "a07": 0.5, "a28": 0.5, "a30": 0.5}, (5, 6, 7)),
        (EDGE_ON | {"a27": 0.9, "a25": 0.1}, (8,)),
        (EDGE_ON | {"a27": 0.2, "a25": 0.4, "a26": 0.4}, (9,)),
        (EDGE_ON | {"a27": 0.5, "a25": 0.5}, (8, 9)),
        # A smooth cigar, or a disc seen edge-on?
        (EDGE_ON | {"a01": 0.5, "a02": 0.5, "a18": 1.0, "a25": 1.0}, (4, 9)),
        # A ring is no reason to leave a galaxy out; a star in front is.
        (SMOOTH | ODD | {"a19": 1.0, "a16": 1.0}, (2,)),
        (SMOOTH | ODD | {"a23": 1.0, "a16": 1.0}, ()),
        (DISC | {"a05": 1.0, "a09": 1.0}, ()),
        (NOT_ODD | {"a03": 1.0}, ()),
    ],
)
def test_votes_give_the_classes_they_leave_open(
    answers: dict[str, float], allowed: tuple[int, ...]
) -> None:
    assert galaxy10_allowed(votes(**answers)) == [allowed]


def test_an_answer_is_open_from_three_quarters_of_the_leader() -> None:
    assert galaxy10_allowed(votes(**SMOOTH, a16=0.8, a17=0.59)) == [(2,)]
    assert galaxy10_allowed(votes(**SMOOTH, a16=0.8, a17=0.61)) == [(2, 3)]


def test_no_votes_say_nothing() -> None:
    assert galaxy10_allowed(votes()) == [()]


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=len(ALL_COLUMNS), max_size=len(ALL_COLUMNS)))
def test_any_votes_give_classes_of_the_ten(shares: list[float]) -> None:
    [allowed] = galaxy10_allowed(pd.DataFrame([shares], columns=ALL_COLUMNS))
    assert list(allowed) == sorted(set(allowed) & set(range(len(GALAXY10_DECALS))))


def test_the_rule_asks_of_every_answer_but_the_unneeded() -> None:
    def follow(choice: Choice | int) -> None:
        if isinstance(choice, Choice):
            named = [answer for group, _ in choice.ways for answer in group]
            assert sorted(named) == [a.name for a in GZ2_TREE[choice.question].answers]
            for _, way in choice.ways:
                follow(way)

    follow(GALAXY10_RULE)


def test_each_galaxy_is_judged_alone() -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame(rng.random((50, len(ALL_COLUMNS))), columns=ALL_COLUMNS)
    alone = [galaxy10_allowed(many.iloc[[row]])[0] for row in range(len(many))]
    assert galaxy10_allowed(many) == alone
    assert galaxy10_allowed(many.iloc[:0]) == []


@pytest.fixture(scope="module")
def real(galpipe_data: Path) -> list[tuple[str, tuple[int, ...]]]:
    path = galpipe_data / "gz2" / "votes.csv"
    strings = pd.read_csv(path)["gz2_class"].tolist()
    return list(zip(strings, galaxy10_allowed(read_votes(path).shares), strict=True))


def test_real_galaxies_of_each_class(real: list[tuple[str, tuple[int, ...]]]) -> None:
    counts = Counter(allowed[0] for _, allowed in real if len(allowed) == 1)
    assert [counts[k] for k in range(10)] == [10, 102, 117, 149, 61, 24, 12, 25, 23, 69]
    assert sum(len(allowed) > 1 for _, allowed in real) == 135


@pytest.mark.parametrize(
    ("classes", "prefix", "share"),
    [
        ((2,), ("Er",), 0.7),
        ((3,), ("Ei",), 0.7),
        ((4,), ("Ec", "Se"), 0.85),
        ((5,), ("SB",), 0.9),
        ((6,), ("Sa", "Sb", "Sc", "SB"), 1.0),
        ((7,), ("Sb", "Sc", "SB"), 1.0),
        ((8,), ("Sen",), 0.9),
        ((9,), ("Ser", "Seb"), 0.9),
    ],
)
def test_real_classes_go_with_the_published_strings(
    real: list[tuple[str, tuple[int, ...]]],
    classes: tuple[int, ...],
    prefix: tuple[str, ...],
    share: float,
) -> None:
    strings = [string for string, allowed in real if allowed == classes]
    assert sum(name.startswith(prefix) for name in strings) >= share * len(strings)
