"""Convert vote shares to the 37 columns of the Kaggle Galaxy Challenge (2013 to 2014) and back.

The challenge numbers the questions and answers of Galaxy Zoo 2 in the order of `GZ2_TREE`:
``Class3.1`` is the first answer, "bar", of the third question.  The values are cumulative ("The
Galaxy Zoo Decision Tree" on the challenge's pages): an answer's share of the votes for its question
times the value of the answers that led to the question.  So the answers of the first question sum
to 1, and those of any other to the sum of the answers that lead to it.  The question whether
anything is odd is the exception: it counts as asked of all volunteers, so ``Class6.1`` and
``Class6.2`` sum to 1 in the challenge's own tables, even where many saw a star.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .decision_trees import GZ2_TREE, Tree, normalized_shares, question_masses

__all__ = [
    "ARGMAX_CLASSES",
    "ASKED_OF_ALL",
    "KAGGLE_COLUMNS",
    "find_inconsistent",
    "from_kaggle",
    "to_kaggle",
    "tree_values",
]

KAGGLE_COLUMNS: Mapping[str, str] = {
    f"Class{q}.{a}": column
    for q, question in enumerate(GZ2_TREE.values(), 1)
    for a, column in enumerate(question.columns(), 1)
}
"""The 37 columns in order, and the answer of `GZ2_TREE` that each one holds."""

ARGMAX_CLASSES = ("Class1.1", "Class1.2", "Class1.3", "Class6.1", "Class6.2")
"""Columns that can be the first of the largest: those of the questions asked of all.

The value of any other answer is at most that of ``Class1.1``, ``Class1.2`` or ``Class6.1``, through
which its question is reached."""

ASKED_OF_ALL = ("t06_odd",)
"""Questions that the challenge counts as asked of all volunteers."""

_TOLERANCE = 0.005
"""Tolerance of the sums: more than rounding to three digits, far less than one vote of the 40 to 50
of a galaxy."""


def to_kaggle(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the cumulative values of the 37 columns.

    Parameters
    ----------
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE`.

    Returns
    -------
    DataFrame
        The columns of `KAGGLE_COLUMNS`, from 0 to 1, with the index of `shares`; 0 for the answers
        of a question that nobody answered.
    """
    values = tree_values(GZ2_TREE, shares, ASKED_OF_ALL)
    return pd.DataFrame(values, columns=list(KAGGLE_COLUMNS), index=shares.index)


def tree_values(
    tree: Tree, shares: pd.DataFrame, whole: Collection[str] = ()
) -> NDArray[np.float64]:
    """Return the fraction of all volunteers who give each answer of a tree.

    Parameters
    ----------
    tree : Tree
        The tree.
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each of the A answers.
    whole : collection of str, optional
        Questions that count as asked of all volunteers.

    Returns
    -------
    ndarray of float64, shape (galaxies, A)
        0 for the answers of a question that nobody answered.
    """
    masses = question_masses(tree, shares, whole)
    return np.hstack(
        [
            normalized_shares(question, shares) * masses[name][:, None]
            for name, question in tree.items()
        ]
    )


def from_kaggle(values: pd.DataFrame) -> pd.DataFrame:
    """Return the vote shares of each question from the 37 cumulative columns.

    Parameters
    ----------
    values : DataFrame
        One row per galaxy, with the columns of `KAGGLE_COLUMNS`.

    Returns
    -------
    DataFrame
        A column ``<question>_<answer>`` for each answer of `GZ2_TREE`; the answers of a question
        sum to 1, or are all 0 where nobody reached it.
    """
    named = _named(values)
    shares = [normalized_shares(question, named) for question in GZ2_TREE.values()]
    return pd.DataFrame(np.hstack(shares), columns=named.columns, index=values.index)


def find_inconsistent(values: pd.DataFrame) -> tuple[NDArray[np.bool_], str]:
    """Find the rows that are inconsistent with the decision tree beyond rounding.

    In a consistent row the answers of each question sum to those that lead to it, or to zero.

    Parameters
    ----------
    values : DataFrame
        As for `from_kaggle`.

    Returns
    -------
    inconsistent : ndarray of bool, shape (galaxies,)
        True for inconsistent rows.
    reason : str
        Description of the first inconsistency; empty if there is none.
    """
    named = _named(values)
    masses = question_masses(GZ2_TREE, from_kaggle(values), ASKED_OF_ALL)
    sums = np.stack(
        [named[q.columns()].to_numpy(np.float64).sum(axis=1) for q in GZ2_TREE.values()], axis=1
    )
    wanted = np.stack(list(masses.values()), axis=1)
    broken: NDArray[np.bool_] = (sums > 0) & (np.abs(sums - wanted) > _TOLERANCE)
    reason = ""
    for row, question in np.argwhere(broken)[:1]:
        reason = (
            f"in the first, the answers of question {question + 1} sum to "
            f"{sums[row, question]:.4g}, those that lead to it to {wanted[row, question]:.4g}"
        )
    return np.any(broken, axis=1), reason


def _named(values: pd.DataFrame) -> pd.DataFrame:
    """Return the 37 columns under the names of `GZ2_TREE`."""
    return values[list(KAGGLE_COLUMNS)].set_axis(list(KAGGLE_COLUMNS.values()), axis=1)
