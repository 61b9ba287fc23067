"""What the tables of each Galaxy Zoo survey look like, and how they become vote shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from .decals_tree import GZD_1_2_AS_GZ2, GZD_5_AS_GZ2
from .gz2_tree import GZ2_TREE
from .kaggle import KAGGLE_COLUMNS, from_kaggle

__all__ = ["KAGGLE", "VOTE_KINDS", "VoteKind"]

# The weighted fraction is what volunteers saw in the image; the debiased one, what they would have
# seen had the galaxy been near.  A classifier of images must not learn arms that only the second
# knows of, so the first counts double.  (Judged on contact sheets: with equal weights, a quarter of
# the spirals show no arms.)
_WEIGHTS = {"weighted_fraction": 2 / 3, "debiased": 1 / 3}


@dataclass(frozen=True)
class VoteKind:
    """What a survey's tables look like.

    Attributes
    ----------
    name : str
        For messages.
    questions : tuple of tuple of str
        The columns of each question that are read; their cells are 0 to 1, and all empty where
        nobody was asked.
    to_shares : callable
        Turns these columns into vote shares, a column ``<question>_<answer>`` for each answer of
        `GZ2_TREE` that the survey knows of.
    """

    name: str
    questions: tuple[tuple[str, ...], ...]
    to_shares: Callable[[pd.DataFrame], pd.DataFrame]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return tuple(column for question in self.questions for column in question)


def _gz2_shares(votes: pd.DataFrame) -> pd.DataFrame:
    columns = [column for question in GZ2_TREE.values() for column in question.columns()]
    return pd.DataFrame(
        {
            column: sum(weight * votes[f"{column}_{kind}"] for kind, weight in _WEIGHTS.items())
            for column in columns
        }
    )


_GZ2 = VoteKind(
    "Galaxy Zoo 2",
    tuple(
        tuple(f"{column}_{kind}" for column in question.columns() for kind in _WEIGHTS)
        for question in GZ2_TREE.values()
    ),
    _gz2_shares,
)

KAGGLE = VoteKind(
    "Kaggle Galaxy Challenge",
    tuple(
        tuple(c for c, answer in KAGGLE_COLUMNS.items() if answer in question.columns())
        for question in GZ2_TREE.values()
    ),
    from_kaggle,
)


def _decals(name: str, as_gz2: Mapping[str, Sequence[str]]) -> VoteKind:
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
    return VoteKind(name, tuple(tuple(columns) for columns in questions.values()), to_shares)


VOTE_KINDS: tuple[VoteKind, ...] = (
    _GZ2,
    KAGGLE,
    _decals("Galaxy Zoo DECaLS (GZD-5)", GZD_5_AS_GZ2),
    _decals("Galaxy Zoo DECaLS (GZD-1, GZD-2)", GZD_1_2_AS_GZ2),
)
"""The tables that are read.

Galaxy Zoo 2: the columns of Willett et al. (2013, MNRAS 435, 2835) and of Hart et al. (2016, MNRAS
461, 3663); an answer's share is two thirds the fraction weighted by the volunteers' consistency and
one third the fraction debiased for distance.  Galaxy Zoo DECaLS: the ``..._fraction`` columns of
Walmsley et al. (2022, MNRAS 509, 3966).
"""
