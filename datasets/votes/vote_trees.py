"""Values of a whole decision tree: the fraction of all volunteers who give each answer.

The values are those of the Kaggle Galaxy Challenge, for the tree of any campaign: an answer's share
of the votes for its question, times the fraction of all volunteers who reach the question.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...annotations.classes import GALAXY10_DECALS
from ...annotations.images import image_stem
from ...configs import VoteTreeName
from ...files.atomic import atomic_path
from .class_rules import GALAXY10_RULE, class_shares
from .decision_trees import GZ2_TREE, GZD_1_2_TREE, GZD_5_TREE, Tree, normalized_shares
from .kaggle import ASKED_OF_ALL, KAGGLE_COLUMNS, tree_values
from .vote_kinds import GZ2, GZD_1_2, GZD_5, KAGGLE, VoteKind, fractions_of_tree

__all__ = ["VOTE_TREES", "VoteTree", "write_vote_table"]


@dataclass(frozen=True, eq=False)
class VoteTree:
    """Decision tree of a campaign, the values of which a network predicts.

    Attributes
    ----------
    title : str
        Name of the campaign.
    questions : Tree
        The questions.
    kinds : tuple of VoteKind
        Tables that hold the votes for all of them, converted to shares by the names of the tree.
    layout : VoteKind
        Table format of predictions, which also derives the answers of Galaxy Zoo 2 from them.
    identifier : str
        Column of such a table that names the galaxy.
    cumulative : bool
        Whether the table holds the values themselves, as Kaggle's, instead of shares of a question.
    asked_of_all : collection of str
        Questions that count as asked of all volunteers.
    """

    title: str
    questions: Tree
    kinds: tuple[VoteKind, ...]
    layout: VoteKind
    identifier: str
    cumulative: bool = False
    asked_of_all: Collection[str] = ()

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The A answers in order, ``<question>_<answer>``."""
        return tuple(name for question in self.questions.values() for name in question.columns())

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Each answer in words."""
        return tuple(one.text for question in self.questions.values() for one in question.answers)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column of each answer in a table of predictions."""
        if self.cumulative:
            return tuple(KAGGLE_COLUMNS)
        return tuple(f"{answer}_fraction" for answer in self.answers)

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """Places of the answers of each question among the A answers."""
        places: dict[str, slice] = {}
        start = 0
        for name, question in self.questions.items():
            places[name] = slice(start, start + len(question.answers))
            start += len(question.answers)
        return MappingProxyType(places)

    @cached_property
    def leading(self) -> Mapping[str, tuple[int, ...]]:
        """Indices of the answers that lead to each question; none if it is asked of all."""
        flat = [answer for question in self.questions.values() for answer in question.answers]
        first = next(iter(self.questions))
        return MappingProxyType(
            {
                name: ()
                if name == first or name in self.asked_of_all
                else tuple(index for index, answer in enumerate(flat) if answer.leads_to == name)
                for name in self.questions
            }
        )

    def values(self, shares: pd.DataFrame) -> NDArray[np.float64]:
        """Return the fraction of all volunteers who give each answer.

        Parameters
        ----------
        shares : DataFrame
            One row per galaxy; a column ``<question>_<answer>`` for each answer.

        Returns
        -------
        ndarray of float64, shape (galaxies, A)
            The answers of the first question, and of those asked of all, sum to 1; those of another
            question to the sum of the answers that lead to it, or to 0 where nobody answered.
        """
        return tree_values(self.questions, shares, self.asked_of_all)

    def sums(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return by how much the answers of each question exceed those that lead to it.

        Parameters
        ----------
        values : ndarray, shape (galaxies, A)
            Values of the answers.

        Returns
        -------
        ndarray of float64, shape (galaxies, questions)
            0 where the sums of the tree hold.
        """
        exact = values.astype(np.float64)
        excess = [
            exact[:, self.places[name]].sum(axis=1)
            - (exact[:, list(leading)].sum(axis=1) if leading else 1)
            for name, leading in self.leading.items()
        ]
        return np.stack(excess, axis=1)

    def table(self, values: NDArray[np.floating]) -> pd.DataFrame:
        """Return values in the table format of the campaign.

        Parameters
        ----------
        values : ndarray, shape (galaxies, A)
            Values of the answers.

        Returns
        -------
        DataFrame
            The columns of `columns`.
        """
        exact = values.astype(np.float64)
        if not self.cumulative:
            named = pd.DataFrame(exact, columns=list(self.answers))
            exact = np.hstack([normalized_shares(q, named) for q in self.questions.values()])
        return pd.DataFrame(exact, columns=list(self.columns))

    def galaxy10_shares(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the vote probability of each class of `GALAXY10_DECALS`, by `GALAXY10_RULE`.

        Parameters
        ----------
        values : ndarray, shape (galaxies, A)
            Values of the answers.

        Returns
        -------
        ndarray of float64, shape (galaxies, 10)
            A row sums to 1, less the votes that lead to no class.
        """
        shares = self.layout.to_shares(self.table(values))
        return class_shares(GALAXY10_RULE, shares, len(GALAXY10_DECALS))

    def galaxy10(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probabilities of the classes, given that the galaxy is of one of them.

        Parameters
        ----------
        values : ndarray, shape (galaxies, A)
            Values of the answers.

        Returns
        -------
        ndarray of float64, shape (galaxies, 10)
            The shares of `galaxy10_shares` divided by their sum; equal if no vote leads to a class.
        """
        classes = self.galaxy10_shares(values)
        total = classes.sum(axis=1, keepdims=True)
        equal = np.full(classes.shape, 1 / len(GALAXY10_DECALS))
        probabilities: NDArray[np.float64] = np.divide(classes, total, out=equal, where=total > 0)
        return probabilities


VOTE_TREES: Mapping[VoteTreeName, VoteTree] = {
    "galaxy_zoo_2": VoteTree(
        "Galaxy Zoo 2",
        GZ2_TREE,
        (GZ2, KAGGLE),
        KAGGLE,
        "GalaxyID",
        cumulative=True,
        asked_of_all=ASKED_OF_ALL,
    ),
    "gz_decals_5": VoteTree(
        "Galaxy Zoo DECaLS (GZD-5)",
        GZD_5_TREE,
        (fractions_of_tree("Galaxy Zoo DECaLS (GZD-5)", GZD_5_TREE),),
        GZD_5,
        "iauname",
    ),
    "gz_decals_1_2": VoteTree(
        "Galaxy Zoo DECaLS (GZD-1, GZD-2)",
        GZD_1_2_TREE,
        (fractions_of_tree("Galaxy Zoo DECaLS (GZD-1, GZD-2)", GZD_1_2_TREE),),
        GZD_1_2,
        "iauname",
    ),
}
"""The trees by their name in configurations and models."""


def write_vote_table(
    path: Path, names: Sequence[str], values: NDArray[np.floating], tree: VoteTree
) -> None:
    """Write votes in the table format of their campaign, such as ``GalaxyID,Class1.1,...``.

    Parameters
    ----------
    path : Path
        The CSV file.
    names : sequence of str
        Names of the N images; without extension they are those of the galaxies.
    values : ndarray, shape (N, A)
        Fraction of all volunteers who give each answer.
    tree : VoteTree
        The decision tree.
    """
    table = tree.table(values)
    table.insert(0, tree.identifier, pd.Series(list(map(image_stem, names)), dtype=str))
    with atomic_path(path) as beside:
        # The sums of the tree hold to 1e-6 in the file too.
        table.to_csv(beside, index=False, float_format="%.8f", lineterminator="\n")
