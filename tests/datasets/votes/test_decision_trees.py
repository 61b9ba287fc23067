from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import galpipe
from galpipe.annotations import GALAXY10_DECALS, GALAXY10_SDSS
from galpipe.datasets.votes.decision_trees import (
    GZ2_TREE,
    GZD_1_2_AS_GZ2,
    GZD_1_2_TREE,
    GZD_5_AS_GZ2,
    GZD_5_TREE,
    Tree,
    normalized_shares,
    question_masses,
)

TREES = pytest.mark.parametrize(
    ("tree", "answers", "depth"),
    [
        # Smooth or features, edge-on, bar, spiral, winding, arms, bulge, odd, what is odd.
        pytest.param(GZ2_TREE, 37, 9, id="GZ2"),
        # The same as far as the bulge, then merging.
        pytest.param(GZD_5_TREE, 34, 8, id="GZD-5"),
        pytest.param(GZD_1_2_TREE, 30, 8, id="GZD-1, GZD-2"),
    ],
)


@TREES
def test_the_questions_and_answers(tree: Tree, answers: int, depth: int) -> None:
    assert len(tree) == (11 if depth == 9 else 10)
    assert sum(len(question.answers) for question in tree.values()) == answers
    assert all(question.name == name and question.text for name, question in tree.items())


@TREES
def test_every_answer_leads_to_a_question_or_to_the_end(
    tree: Tree, answers: int, depth: int
) -> None:
    reached = {next(iter(tree))}
    for question in tree.values():
        for answer in question.answers:
            reached.add(answer.leads_to or "end")
    assert reached == {*tree, "end"}


@TREES
def test_every_path_ends(tree: Tree, answers: int, depth: int) -> None:
    def longest(name: str, seen: tuple[str, ...] = ()) -> int:
        assert name not in seen
        ways = {a.leads_to for a in tree[name].answers if a.leads_to}
        return 1 + max((longest(way, (*seen, name)) for way in ways), default=0)

    assert longest(next(iter(tree))) == depth


@pytest.mark.parametrize(
    ("tree", "as_gz2"), [(GZD_5_TREE, GZD_5_AS_GZ2), (GZD_1_2_TREE, GZD_1_2_AS_GZ2)]
)
def test_answers_of_decals_mean_answers_of_galaxy_zoo_2(
    tree: Tree, as_gz2: dict[str, tuple[str, ...]]
) -> None:
    gz2 = {column: name for name, question in GZ2_TREE.items() for column in question.columns()}
    without_meaning = {"t05_bulge_prominence", "t11_arms_number"}
    assert {c for c, question in gz2.items() if question not in without_meaning} == set(as_gz2)
    for name, question in tree.items():
        if name in {"bulge-size", "spiral-arm-count"}:
            continue
        for column in question.columns():
            meanings = [gz2[answer] for answer, parts in as_gz2.items() if column in parts]
            # Each answer means one answer of a question; that of merging, two questions.
            assert len(meanings) == len(set(meanings))
            assert len(meanings) >= 1


def shares(tree: Tree, rows: int = 1, **given: float) -> pd.DataFrame:
    columns = [column for question in tree.values() for column in question.columns()]
    values = {c: next((v for k, v in given.items() if f"_{k}_" in c), 0.0) for c in columns}
    return pd.DataFrame([values] * rows)


def test_volunteers_come_to_a_question_by_the_answers_that_lead_there() -> None:
    votes = shares(GZ2_TREE, a01=0.3, a02=0.6, a03=0.1, a04=0.25, a05=0.75, a06=1.0, a08=0.5)
    masses = {name: mass[0] for name, mass in question_masses(GZ2_TREE, votes).items()}
    assert masses == pytest.approx(
        {
            "t01_smooth_or_features": 1.0,
            "t02_edgeon": 0.6,
            "t03_bar": 0.45,
            "t04_spiral": 0.45,
            # Nobody answered the questions that all go on from; everybody goes on all the same.
            "t05_bulge_prominence": 0.45,
            "t06_odd": 0.9,
            "t07_rounded": 0.3,
            "t08_odd_feature": 0.0,
            "t09_bulge_shape": 0.15,
            "t10_arms_winding": 0.45,
            "t11_arms_number": 0.45,
        }
    )
    whole = question_masses(GZ2_TREE, votes.assign(t06_odd_a14_yes=2.0), ["t06_odd"])
    assert whole["t06_odd"][0] == whole["t08_odd_feature"][0] == 1


@TREES
def test_nobody_is_lost_on_the_way(tree: Tree, answers: int, depth: int) -> None:
    columns = [column for question in tree.values() for column in question.columns()]
    votes = pd.DataFrame(np.random.default_rng(1).random((20, len(columns))), columns=columns)
    masses = question_masses(tree, votes)
    ended = sum(
        masses[name]
        * normalized_shares(question, votes)[:, [a.leads_to is None for a in question.answers]].sum(
            axis=1
        )
        for name, question in tree.items()
    )
    assert ended == pytest.approx(np.ones(20))


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_normalized_shares_sum_to_one_or_are_nothing(values: list[float]) -> None:
    question = GZ2_TREE["t08_odd_feature"]
    [parts] = normalized_shares(question, pd.DataFrame([values], columns=question.columns()))
    assert parts.sum() == pytest.approx(1.0 if any(values) else 0.0)
    assert (parts >= 0).all()


PAGE = Path(galpipe.__file__).parent / "docs" / "votes.md"


@pytest.fixture(scope="module")
def page() -> str:
    if not PAGE.is_file():
        pytest.skip("the documentation is not installed")
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("tree", [GZ2_TREE, GZD_5_TREE, GZD_1_2_TREE])
def test_the_page_shows_the_trees_as_they_are(page: str, tree: Tree) -> None:
    numbers = {name: number for number, name in enumerate(tree, 1)}
    for name, question in tree.items():
        answers = ", ".join(
            f"`{answer.name}` {numbers[answer.leads_to] if answer.leads_to else 'end'}"
            for answer in question.answers
        )
        assert f"| {numbers[name]} | `{name}`: {question.text} | {answers} |" in page


def test_the_page_names_the_classes(page: str) -> None:
    assert ", ".join(f"`{name}`" for name in GALAXY10_SDSS) in page
    words = {word for name in GALAXY10_DECALS for word in name.split()}
    assert all(word in page for word in words)
