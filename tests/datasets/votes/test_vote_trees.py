from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galpipe.annotations.classes import GALAXY10_DECALS
from galpipe.datasets.label_tables import read_vote_fractions
from galpipe.datasets.votes.class_rules import GALAXY10_RULE, class_shares
from galpipe.datasets.votes.kaggle import KAGGLE_COLUMNS, to_kaggle
from galpipe.datasets.votes.vote_trees import VOTE_TREES, VoteTree
from galpipe.errors import InputError

GZ2 = VOTE_TREES["galaxy_zoo_2"]
GZD = VOTE_TREES["gz_decals_5"]


def random_shares(tree: VoteTree, count: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.uniform(0.05, 1, (count, len(tree.answers))), columns=tree.answers)


@pytest.mark.parametrize("tree", VOTE_TREES.values(), ids=list(VOTE_TREES))
def test_the_sums_of_the_tree_hold_and_the_shares_come_back(tree: VoteTree) -> None:
    shares = random_shares(tree)
    values = tree.values(shares)
    np.testing.assert_allclose(tree.sums(values), 0, atol=1e-12)
    for question in tree.questions.values():
        given = shares[question.columns()].to_numpy()
        place = tree.places[question.name]
        found = values[:, place] / values[:, place].sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, given / given.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(tree.galaxy10(values).sum(axis=1), 1)
    assert list(tree.table(values).columns) == list(tree.columns)


def test_the_values_of_galaxy_zoo_2_are_those_of_the_challenge() -> None:
    shares = random_shares(GZ2)
    values = GZ2.values(shares)
    assert GZ2.columns == tuple(KAGGLE_COLUMNS)
    pd.testing.assert_frame_equal(GZ2.table(values), to_kaggle(shares))
    classes = class_shares(GALAXY10_RULE, shares, len(GALAXY10_DECALS))
    expected = classes / classes.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(GZ2.galaxy10(values), expected)


def test_a_sum_that_does_not_hold_is_found() -> None:
    values = GZ2.values(random_shares(GZ2, 1))
    values[0, GZ2.columns.index("Class7.1")] += 0.25
    excess = GZ2.sums(values)[0]
    assert excess[list(GZ2.questions).index("t07_rounded")] == pytest.approx(0.25)
    assert np.abs(excess).sum() == pytest.approx(0.25)


def test_votes_that_lead_to_no_class_give_equal_probabilities() -> None:
    values = np.zeros((1, 37))
    values[0, GZ2.columns.index("Class1.3")] = 1
    np.testing.assert_allclose(GZ2.galaxy10(values), 0.1)


def test_a_table_of_gz_decals_is_read_with_all_its_answers(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    row = dict.fromkeys(GZD.columns, 0.0) | {
        "smooth-or-featured_smooth_fraction": 0.25,
        "smooth-or-featured_featured-or-disk_fraction": 0.75,
        "disk-edge-on_yes_fraction": 0.2,
        "disk-edge-on_no_fraction": 0.8,
        "bulge-size_small_fraction": 1.0,
    }
    table = tmp_path / "votes.csv"
    pd.DataFrame([{"iauname": "a"} | row]).to_csv(table, index=False)
    (image,) = read_vote_fractions(table, tmp_path, GZD)
    values = dict(zip(GZD.answers, image.probabilities, strict=True))
    assert values["disk-edge-on_no"] == pytest.approx(0.6)
    # Nobody answered how many arms there are, so none of them went on to the bulge.
    assert values["bulge-size_small"] == 0
    with pytest.raises(InputError, match="no column of Galaxy Zoo votes"):
        read_vote_fractions(table, tmp_path, GZ2)
