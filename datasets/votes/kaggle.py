"""The 37 columns of the Kaggle Galaxy Challenge (2013 to 2014), from vote shares and back.

The challenge numbers the questions and answers of Galaxy Zoo 2 in the order of `GZ2_TREE`:
``Class3.1`` is the first answer, "bar", of the third question.  The values are cumulative ("The
Galaxy Zoo Decision Tree" on the challenge's pages): an answer's share of the votes for its question
times the value of the answers that led to the question.  So the answers of the first question sum
to 1, and those of any other to the sum of the answers that lead to it.  The question whether
anything is odd is the exception: it counts as asked of everybody, so ``Class6.1`` and ``Class6.2``
sum to 1 in the challenge's own tables, also where many saw a star.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .gz2_tree import GZ2_TREE
from .tree import normalised_shares, question_masses

__all__ = ["KAGGLE_COLUMNS", "from_kaggle", "kaggle_fault", "kaggle_faulty", "to_kaggle"]

KAGGLE_COLUMNS: Mapping[str, str] = {
    f"Class{q}.{a}": column
    for q, question in enumerate(GZ2_TREE.values(), 1)
    for a, column in enumerate(question.columns(), 1)
}
"""The 37 columns in order, and the answer of `GZ2_TREE` that each stands for."""

_ASKED_OF_ALL = ("t06_odd",)

_TOLERANCE = 0.005
"""How far a sum may be off: more than rounding to three digits gives, far less than one vote of
the 40 to 50 that a galaxy has."""


def to_kaggle(shares: pd.DataFrame) -> pd.DataFrame:
    """Cumulative values of the 37 columns.

    Parameters
    ----------
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE`.

    Returns
    -------
    DataFrame
        The columns of `KAGGLE_COLUMNS`, 0 to 1; the index of `shares`.  The answers of a question
        that nobody answered are 0.
    """
    masses = question_masses(GZ2_TREE, shares, _ASKED_OF_ALL)
    values = [
        normalised_shares(question, shares) * masses[name][:, None]
        for name, question in GZ2_TREE.items()
    ]
    return pd.DataFrame(np.hstack(values), columns=list(KAGGLE_COLUMNS), index=shares.index)


def from_kaggle(values: pd.DataFrame) -> pd.DataFrame:
    """Shares of the votes for each question, from the 37 cumulative columns.

    Parameters
    ----------
    values : DataFrame
        One row a galaxy, with the columns of `KAGGLE_COLUMNS`.

    Returns
    -------
    DataFrame
        A column ``<question>_<answer>`` for each answer of `GZ2_TREE`; the answers of a question
        sum to 1, or are all 0 where nobody came to it.
    """
    named = _named(values)
    shares = [normalised_shares(question, named) for question in GZ2_TREE.values()]
    return pd.DataFrame(np.hstack(shares), columns=named.columns, index=values.index)


def kaggle_faulty(values: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows break the rule of the tree by more than rounding.

    A question that nobody answered breaks nothing.

    Parameters
    ----------
    values : DataFrame
        As for `from_kaggle`.

    Returns
    -------
    ndarray
        (galaxies,), True where the answers of a question do not sum to those that lead to it.
    """
    return np.any(_broken(*_sums(values)), axis=1)


def kaggle_fault(values: pd.DataFrame) -> str:
    """Say where the first row that breaks the rule does; empty if none does.

    Parameters
    ----------
    values : DataFrame
        As for `from_kaggle`.
    """
    sums, wanted = _sums(values)
    for row, question in np.argwhere(_broken(sums, wanted))[:1]:
        return (
            f"in the first, the answers of question {question + 1} sum to "
            f"{sums[row, question]:.4g}, those that lead to it to {wanted[row, question]:.4g}"
        )
    return ""


def _named(values: pd.DataFrame) -> pd.DataFrame:
    """Return the 37 columns under the names of `GZ2_TREE`."""
    return values[list(KAGGLE_COLUMNS)].set_axis(list(KAGGLE_COLUMNS.values()), axis=1)


def _sums(values: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the answers of each question sum to, and should: (galaxies, questions) each."""
    named = _named(values)
    masses = question_masses(GZ2_TREE, from_kaggle(values), _ASKED_OF_ALL)
    sums = [named[q.columns()].to_numpy(np.float64).sum(axis=1) for q in GZ2_TREE.values()]
    return np.stack(sums, axis=1), np.stack(list(masses.values()), axis=1)


def _broken(sums: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.bool_]:
    broken: NDArray[np.bool_] = (sums > 0) & (np.abs(sums - wanted) > _TOLERANCE)
    return broken
