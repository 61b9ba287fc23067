"""Decision trees of Galaxy Zoo as data: questions, answers, and what each answer leads to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Answer", "Question", "Tree", "normalised_shares", "question_masses", "tree_of"]


@dataclass(frozen=True)
class Answer:
    """One answer of a question: its name in the tables, and the question that it leads to.

    `leads_to` is None where the classification ends.
    """

    name: str
    leads_to: str | None


@dataclass(frozen=True)
class Question:
    """One question of a tree: its name in the tables, its wording, its answers."""

    name: str
    text: str
    answers: tuple[Answer, ...]

    def columns(self, kind: str = "") -> list[str]:
        """Names of the columns of all answers, in order: ``<question>_<answer>[_<kind>]``."""
        end = f"_{kind}" if kind else ""
        return [f"{self.name}_{answer.name}{end}" for answer in self.answers]


Tree: TypeAlias = Mapping[str, Question]
"""Questions by name; the first one is asked first."""


def tree_of(*questions: tuple[str, str, Mapping[str, str | None]]) -> Tree:
    """Build a tree from the name, the wording and the answers of each question.

    The answers map their name to the question that they lead to.
    """
    return {
        name: Question(name, text, tuple(Answer(a, leads_to) for a, leads_to in answers.items()))
        for name, text, answers in questions
    }


def normalised_shares(question: Question, shares: pd.DataFrame) -> NDArray[np.float64]:
    """Shares of the answers of one question, made to sum to one.

    Parameters
    ----------
    question : Question
        The question.
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer, at least 0.

    Returns
    -------
    ndarray
        (galaxies, answers); a row of zeros where nobody answered.
    """
    votes = shares[question.columns()].to_numpy(np.float64)
    total = votes.sum(axis=1, keepdims=True)
    return np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)


def question_masses(
    tree: Tree, shares: pd.DataFrame, whole: Collection[str] = ()
) -> dict[str, NDArray[np.float64]]:
    """Part of all volunteers that comes to each question.

    It is 1 for the first question; for every other one, the sum over the answers that lead to it of
    the part that comes to their question times their share.  Where all answers of a question lead
    on to the same one, everybody goes there, also if nobody answered.

    Parameters
    ----------
    tree : Tree
        The tree.
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer.
    whole : collection of str, optional
        Questions that count as asked of everybody, whatever leads to them.

    Returns
    -------
    dict
        For each question an array (galaxies,).
    """
    masses: dict[str, NDArray[np.float64]] = {}

    def mass(name: str) -> NDArray[np.float64]:
        if name not in masses:
            masses[name] = (
                np.ones(len(shares))
                if name in (next(iter(tree)), *whole)
                else sum(
                    (part(question, name) for question in tree.values()), np.zeros(len(shares))
                )
            )
        return masses[name]

    def part(question: Question, name: str) -> NDArray[np.float64]:
        leads = np.array([answer.leads_to == name for answer in question.answers])
        if not leads.any():
            return np.zeros(len(shares))
        if leads.all():
            return mass(question.name)
        leading: NDArray[np.float64] = normalised_shares(question, shares)[:, leads].sum(axis=1)
        return mass(question.name) * leading

    return {name: mass(name) for name in tree}
