"""Table formats of Galaxy Zoo votes, by survey."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from .decision_trees import (
    GZ2_DATASETS_AS_GZ2,
    GZ2_TREE,
    GZD_1_2_AS_GZ2,
    GZD_5_AS_GZ2,
    Tree,
)
from .kaggle import KAGGLE_COLUMNS, from_kaggle

__all__ = ["GZ2", "GZD_1_2", "GZD_5", "KAGGLE", "VOTE_KINDS", "VoteKind", "fractions_of_tree"]


# The weighted fraction describes the visible features of the image; the debiased one, those of the
# galaxy if it were near.  A classifier of images must not learn arms that are not visible, so the
# first has twice the weight.  (Checked on contact sheets: with equal weights, a
# quarter of the spirals show no arms.)
_WEIGHTS = {"weighted_fraction": 2 / 3, "debiased": 1 / 3}


@dataclass(frozen=True)
class VoteKind:
    """Table format of a survey.

    Attributes
    ----------
    name : str
        Name of the survey, for messages.
    questions : tuple of tuple of str
        Columns of each question that are read; their values are 0 to 1, and all empty where the
        question was not asked.
    to_shares : callable
        Converts these columns to vote shares, a column ``<question>_<answer>`` for each answer of
        `GZ2_TREE` that the survey has.
    asks_details : bool
        The survey asks what tells the classes of Galaxy10 apart; without, votes only narrow the
        class down.
    volunteers : str
        Column of the number of volunteers, which a table need not have; empty if there is none.
    """

    name: str
    questions: tuple[tuple[str, ...], ...]
    to_shares: Callable[[pd.DataFrame], pd.DataFrame]
    asks_details: bool = True
    volunteers: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, in order."""
        return tuple(column for question in self.questions for column in question)


def _gz2_shares(votes: pd.DataFrame) -> pd.DataFrame:
    columns = [column for question in GZ2_TREE.values() for column in question.columns()]
    return pd.DataFrame(
        {
            column: sum(weight * votes[f"{column}_{kind}"] for kind, weight in _WEIGHTS.items())
            for column in columns
        }
    )


GZ2 = VoteKind(
    "Galaxy Zoo 2",
    tuple(
        tuple(f"{column}_{kind}" for column in question.columns() for kind in _WEIGHTS)
        for question in GZ2_TREE.values()
    ),
    _gz2_shares,
    volunteers="total_classifications",
)

KAGGLE = VoteKind(
    "Kaggle Galaxy Challenge",
    tuple(
        tuple(c for c, answer in KAGGLE_COLUMNS.items() if answer in question.columns())
        for question in GZ2_TREE.values()
    ),
    from_kaggle,
)


# Galaxy Zoo 1 asked one question (Lintott et al. 2008).
_GZ1_AS_GZ2 = {
    "t01_smooth_or_features_a01_smooth": ("P_EL",),
    "t01_smooth_or_features_a02_features_or_disk": ("P_CW", "P_ACW", "P_EDGE"),
    "t01_smooth_or_features_a03_star_or_artifact": ("P_DK",),
    "t02_edgeon_a04_yes": ("P_EDGE",),
    "t02_edgeon_a05_no": ("P_CW", "P_ACW"),
    "t04_spiral_a08_spiral": ("P_CW", "P_ACW"),
    "t06_odd_a14_yes": ("P_MG",),
    "t06_odd_a15_no": ("P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK"),
    "t08_odd_feature_a24_merger": ("P_MG",),
}


def _gz1_shares(votes: pd.DataFrame) -> pd.DataFrame:
    columns = [column for question in GZ2_TREE.values() for column in question.columns()]
    return pd.DataFrame(
        {column: votes[list(_GZ1_AS_GZ2.get(column, ()))].sum(axis=1) for column in columns}
    )


_GZ1 = VoteKind(
    "Galaxy Zoo 1",
    (("P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK", "P_MG"),),
    _gz1_shares,
    asks_details=False,
)


_FIRST_TOTAL = "smooth-or-featured_total-votes"
"""Number of votes for the first question, which all volunteers answer."""


def _fractions(name: str, as_gz2: Mapping[str, Sequence[str]]) -> VoteKind:
    def to_shares(votes: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                column: votes[[f"{answer}_fraction" for answer in answers]].sum(axis=1)
                for column, answers in as_gz2.items()
            }
        )

    questions: dict[str, dict[str, None]] = {}
    for answers in as_gz2.values():
        for answer in answers:
            questions.setdefault(answer.split("_")[0], {})[f"{answer}_fraction"] = None
    read = tuple(tuple(columns) for columns in questions.values())
    return VoteKind(name, read, to_shares, volunteers=_FIRST_TOTAL)


def fractions_of_tree(name: str, tree: Tree) -> VoteKind:
    """Return the table format of a campaign with all its answers, under their own names.

    Parameters
    ----------
    name : str
        Name of the campaign, for messages.
    tree : Tree
        Its tree; the table has a column ``<question>_<answer>_fraction`` for each answer.
    """
    questions = tuple(tuple(question.columns("fraction")) for question in tree.values())
    return VoteKind(
        name,
        questions,
        lambda votes: votes.rename(columns=lambda c: c.removesuffix("_fraction")),
        volunteers=_FIRST_TOTAL,
    )


GZD_5 = _fractions("Galaxy Zoo DECaLS (GZD-5)", GZD_5_AS_GZ2)
GZD_1_2 = _fractions("Galaxy Zoo DECaLS (GZD-1, GZD-2)", GZD_1_2_AS_GZ2)

VOTE_KINDS: tuple[VoteKind, ...] = (
    GZ2,
    KAGGLE,
    GZD_5,
    GZD_1_2,
    _fractions("Galaxy Zoo 2 (galaxy-datasets)", GZ2_DATASETS_AS_GZ2),
    _GZ1,
)
"""Table formats that are read.

Galaxy Zoo 2: the columns of Willett et al. (2013, MNRAS 435, 2835) and of Hart et al. (2016, MNRAS
461, 3663); an answer's share is two thirds the fraction weighted by the volunteers' consistency and
one third the fraction debiased for distance.  Galaxy Zoo DECaLS: the ``..._fraction`` columns of
Walmsley et al. (2022, MNRAS 509, 3966), also as galaxy-datasets names them, and those of Galaxy Zoo
2.  Galaxy Zoo 1: the columns of Lintott et al. (2011, MNRAS 410, 166).
"""
