from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import GALAXY10_DECALS, GALAXY10_SDSS
from galpipe.datasets.votes.class_rules import (
    GALAXY10_RULE,
    GALAXY10_SDSS_RULE,
    NO_CLASS,
    Choice,
    class_shares,
    galaxy10_sdss_allowed,
)
from galpipe.datasets.votes.decision_trees import GZ2_TREE

ALL_COLUMNS = [column for question in GZ2_TREE.values() for column in question.columns()]


def votes(**answers: float) -> pd.DataFrame:
    row = {c: next((v for k, v in answers.items() if f"_{k}_" in c), 0.0) for c in ALL_COLUMNS}
    return pd.DataFrame([row])


SMOOTH = {"a01": 0.9, "a02": 0.1}
DISC = {"a02": 1.0}
EDGE_ON = DISC | {"a04": 1.0}
FACE_ON = DISC | {"a05": 1.0}
SPIRAL = FACE_ON | {"a08": 1.0}


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        (FACE_ON | {"a08": 0.4, "a09": 0.6, "a28": 1.0}, (0,)),
        (SMOOTH | {"a16": 1.0}, (1,)),
        (SMOOTH | {"a17": 1.0}, (2,)),
        (SMOOTH | {"a18": 1.0}, (3,)),
        (EDGE_ON | {"a25": 1.0}, (4,)),
        (EDGE_ON | {"a26": 1.0}, (5,)),
        (EDGE_ON | {"a27": 1.0}, (6,)),
        (SPIRAL | {"a28": 1.0}, (7,)),
        (SPIRAL | {"a29": 1.0}, (8,)),
        (SPIRAL | {"a30": 1.0}, (9,)),
        # No class alone has 55 % of the votes: the fewest that do.
        (SPIRAL | {"a28": 0.5, "a29": 0.3, "a30": 0.2}, (7, 8)),
        (SPIRAL | {"a28": 0.5, "a29": 0.25, "a30": 0.25}, (7, 8, 9)),
        ({"a01": 0.5, "a02": 0.5, "a18": 1.0, "a04": 1.0, "a25": 1.0}, (3, 4)),
        # Stars are counted among the votes.
        ({"a01": 0.5, "a03": 0.5, "a16": 1.0}, ()),
        ({"a01": 0.6, "a03": 0.4, "a16": 1.0}, (1,)),
        # Nobody said of what shape.
        (SMOOTH, ()),
        ({}, ()),
    ],
)
def test_votes_give_the_classes_that_agree(
    answers: dict[str, float], allowed: tuple[int, ...]
) -> None:
    assert galaxy10_sdss_allowed(votes(**answers)) == [allowed]


def test_a_class_needs_more_than_55_percent() -> None:
    assert galaxy10_sdss_allowed(votes(a01=1.0, a16=0.56, a17=0.44)) == [(1,)]
    assert galaxy10_sdss_allowed(votes(a01=1.0, a16=0.54, a17=0.46)) == [(1, 2)]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=len(ALL_COLUMNS), max_size=len(ALL_COLUMNS)))
@pytest.mark.parametrize("rule", [GALAXY10_RULE, GALAXY10_SDSS_RULE])
def test_the_probabilities_of_classes(rule: Choice, shares: list[float]) -> None:
    parts = class_shares(rule, pd.DataFrame([shares], columns=ALL_COLUMNS), 10)
    assert parts.shape == (1, 10)
    assert (parts >= 0).all()
    assert parts.sum() <= 1 + 1e-9


def test_probabilities_multiply_along_the_way() -> None:
    row = votes(a14=0.2, a15=0.8, a24=0.75, a21=0.25, a01=0.9, a02=0.1, a16=0.7, a17=0.3)
    [parts] = class_shares(GALAXY10_RULE, row, len(GALAXY10_DECALS))
    expected = {0: 0.2 * 0.25, 1: 0.2 * 0.75, 2: 0.8 * 0.9 * 0.7, 3: 0.8 * 0.9 * 0.3}
    # Nobody said whether the disk is edge-on: that part is not decided.
    assert parts.tolist() == pytest.approx([expected.get(k, 0.0) for k in range(10)])


def test_the_ways_of_all_galaxies_but_stars_end_at_a_class() -> None:
    rows = pd.DataFrame(1.0, index=range(3), columns=ALL_COLUMNS)
    rows["t01_smooth_or_features_a03_star_or_artifact"] = [0.0, 1.0, 8.0]
    sums = class_shares(GALAXY10_SDSS_RULE, rows, len(GALAXY10_SDSS)).sum(axis=1)
    assert sums.tolist() == pytest.approx([1.0, 2 / 3, 0.2])


def test_the_rule_reaches_every_class_and_knows_every_answer() -> None:
    reached: set[int] = set()

    def follow(way: Choice | int) -> None:
        if isinstance(way, int):
            reached.add(way)
            return
        named = [answer for group, _ in way.ways for answer in group]
        assert sorted(named) == [a.name for a in GZ2_TREE[way.question].answers]
        for _, onward in way.ways:
            follow(onward)

    follow(GALAXY10_SDSS_RULE)
    assert reached == {NO_CLASS, *range(10)}


def test_no_label_of_one_list_is_taken_for_one_of_the_other() -> None:
    assert len(set(GALAXY10_SDSS)) == len(GALAXY10_SDSS) == 10
    assert not set(GALAXY10_SDSS) & set(GALAXY10_DECALS)
    assert not any("|" in name for name in GALAXY10_SDSS)
