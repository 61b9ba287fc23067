"""Rules that lead from vote shares to classes: questions, and where each answer leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["NO_CLASS", "Choice", "class_shares", "open_classes"]

NO_CLASS = -1
"""Where answers lead that none of the classes is meant for."""


@dataclass(frozen=True)
class Choice:
    """A question with the way that each answer, or group of answers, leads: on, or to a class.

    Questions and answers are those of `GZ2_TREE`; a class is an index, or `NO_CLASS`.
    """

    question: str
    ways: tuple[tuple[tuple[str, ...], Choice | int], ...]


def class_shares(rule: Choice, shares: pd.DataFrame, n_classes: int) -> NDArray[np.float64]:
    """Probability of each class: the product of the vote shares along the way to it.

    Parameters
    ----------
    rule : Choice
        The first question.
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer that the rule names.  The
        shares of one question need not sum to one; here they are made to.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray
        (galaxies, classes).  A row sums to one, less what led to `NO_CLASS` and what ended at a
        question that nobody answered.
    """

    def divide(groups: NDArray[np.float64]) -> NDArray[np.float64]:
        total = groups.sum(axis=1, keepdims=True)
        return np.divide(groups, total, out=np.zeros_like(groups), where=total > 0)

    return _follow(rule, shares, n_classes, divide)[:, :n_classes]


def open_classes(
    rule: Choice, shares: pd.DataFrame, n_classes: int, least: float
) -> NDArray[np.bool_]:
    """Tell which classes the votes leave open.

    At each question those ways stay open that have at least `least` times the share of the leading
    one; where nobody answered, all.

    Parameters
    ----------
    rule, shares, n_classes
        As for `class_shares`.
    least : float
        0 to 1.

    Returns
    -------
    ndarray
        (galaxies, classes); a row is False throughout if a way to `NO_CLASS` is open.
    """

    def leaders(groups: NDArray[np.float64]) -> NDArray[np.float64]:
        return (groups >= least * groups.max(axis=1, keepdims=True)).astype(np.float64)

    reached = _follow(rule, shares, n_classes, leaders) > 0
    opened: NDArray[np.bool_] = reached[:, :n_classes] & ~reached[:, [NO_CLASS]]
    return opened


def _follow(
    rule: Choice,
    shares: pd.DataFrame,
    n_classes: int,
    pass_on: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return what arrives at each class, and last at `NO_CLASS`, of the 1 that each galaxy sends.

    `pass_on` turns the shares of a question's ways, (galaxies, ways), into the part that goes on.
    """
    arrived = np.zeros((len(shares), n_classes + 1))

    def visit(way: Choice | int, sent: NDArray[np.float64]) -> None:
        if isinstance(way, int):
            arrived[:, way] += sent
            return
        groups = np.zeros((len(shares), len(way.ways)))
        for number, (answers, _) in enumerate(way.ways):
            for answer in answers:
                groups[:, number] += shares[f"{way.question}_{answer}"].to_numpy(np.float64)
        parts = pass_on(groups)
        for number, (_, onward) in enumerate(way.ways):
            visit(onward, sent * parts[:, number])

    visit(rule, np.ones(len(shares)))
    return arrived
