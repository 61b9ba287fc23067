"""Rules from Galaxy Zoo vote shares to the classes of Galaxy10 DECaLS and Galaxy10 SDSS.

Galaxy10 DECaLS (Leung and Bovy, https://github.com/henrysky/Galaxy10) took its ten classes from
Galaxy Zoo votes and kept only galaxies with agreeing votes; its thresholds are not published, and
its predecessor required 55 % of the votes.  `GALAXY10_RULE` follows the questions in its order.  At
each question an answer stays open if its share of the votes is at least three quarters of that of
the leading answer; of two answers, the leader must thus have more than 57 %.

Galaxy10 SDSS took the galaxies for which more than 55 % of the votes among its ten classes are for
a single one (the page "Galaxy10 SDSS" of astroNN's documentation).  Here the votes of a class are
the product of the vote shares along the way to it.  Votes for a star or artifact are counted as an
eleventh class without a label.  Where no class alone has more than 55 %, the label is the fewest
classes, beginning with the leading one, that have so together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...annotations.classes import GALAXY10_DECALS, GALAXY10_SDSS

__all__ = [
    "GALAXY10_RULE",
    "GALAXY10_SDSS_RULE",
    "NO_CLASS",
    "Choice",
    "class_shares",
    "galaxy10_allowed",
    "galaxy10_sdss_allowed",
]

NO_CLASS = -1
"""Target of answers that belong to no class."""

_OPEN = 0.75
"""Smallest share of an open answer, relative to the leading answer (Galaxy10 DECaLS)."""

_AGREEMENT = 0.55
"""Fraction of the votes that a label must exceed (Galaxy10 SDSS)."""


@dataclass(frozen=True)
class Choice:
    """A question of `GZ2_TREE` and the next choice, or the class, after its answers.

    Attributes
    ----------
    question : str
        Name of the question.
    ways : tuple of (tuple of str, Choice or int)
        Groups of answers, each with the next choice, the index of a class or `NO_CLASS`.
    """

    question: str
    ways: tuple[tuple[tuple[str, ...], Choice | int], ...]


_DECALS_SMOOTH = Choice(
    "t07_rounded",
    ((("a16_completely_round",), 2), (("a17_in_between",), 3), (("a18_cigar_shaped",), 4)),
)
_DECALS_EDGE_ON = Choice(
    "t09_bulge_shape", ((("a27_no_bulge",), 8), (("a25_rounded", "a26_boxy"), 9))
)
# Medium arms count as loose: beside tight ones they look open.
_DECALS_WINDING = Choice(
    "t10_arms_winding", ((("a28_tight",), 6), (("a29_medium", "a30_loose"), 7))
)
_DECALS_SPIRAL = Choice("t03_bar", ((("a06_bar",), 5), (("a07_no_bar",), _DECALS_WINDING)))
_DECALS_FACE_ON = Choice(
    "t04_spiral", ((("a08_spiral",), _DECALS_SPIRAL), (("a09_no_spiral",), NO_CLASS))
)
_DECALS_DISC = Choice(
    "t02_edgeon", ((("a04_yes",), _DECALS_EDGE_ON), (("a05_no",), _DECALS_FACE_ON))
)
_DECALS_SHAPE = Choice(
    "t01_smooth_or_features",
    (
        (("a01_smooth",), _DECALS_SMOOTH),
        (("a02_features_or_disk",), _DECALS_DISC),
        (("a03_star_or_artifact",), NO_CLASS),
    ),
)
_DECALS_ODD_FEATURE = Choice(
    "t08_odd_feature",
    (
        (("a24_merger",), 1),
        (("a21_disturbed", "a22_irregular"), 0),
        (("a19_ring", "a38_dust_lane"), _DECALS_SHAPE),
        # Stars in front, lenses and clusters of stars, for the most part.
        (("a20_lens_or_arc", "a23_other"), NO_CLASS),
    ),
)
GALAXY10_RULE = Choice(
    "t06_odd", ((("a14_yes",), _DECALS_ODD_FEATURE), (("a15_no",), _DECALS_SHAPE))
)
"""First choice of the rule to the classes of `GALAXY10_DECALS`."""

_SDSS_SMOOTH = Choice(
    "t07_rounded",
    ((("a16_completely_round",), 1), (("a17_in_between",), 2), (("a18_cigar_shaped",), 3)),
)
_SDSS_EDGE_ON = Choice(
    "t09_bulge_shape", ((("a25_rounded",), 4), (("a26_boxy",), 5), (("a27_no_bulge",), 6))
)
_SDSS_SPIRAL = Choice(
    "t10_arms_winding", ((("a28_tight",), 7), (("a29_medium",), 8), (("a30_loose",), 9))
)
_SDSS_FACE_ON = Choice("t04_spiral", ((("a08_spiral",), _SDSS_SPIRAL), (("a09_no_spiral",), 0)))
_SDSS_DISC = Choice("t02_edgeon", ((("a04_yes",), _SDSS_EDGE_ON), (("a05_no",), _SDSS_FACE_ON)))
GALAXY10_SDSS_RULE = Choice(
    "t01_smooth_or_features",
    (
        (("a01_smooth",), _SDSS_SMOOTH),
        (("a02_features_or_disk",), _SDSS_DISC),
        (("a03_star_or_artifact",), NO_CLASS),
    ),
)
"""First choice of the rule to the classes of `GALAXY10_SDSS`."""


def class_shares(rule: Choice, shares: pd.DataFrame, n_classes: int) -> NDArray[np.float64]:
    """Return the probability of each class: the product of the vote shares along the way to it.

    Parameters
    ----------
    rule : Choice
        The first choice of the rule.
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer that the rule names.
        The shares of one question are normalised to sum to one.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of float64, shape (galaxies, classes)
        A row sums to one, less the shares that lead to `NO_CLASS` and those that end at a question
        that nobody answered.
    """

    def divide(groups: NDArray[np.float64]) -> NDArray[np.float64]:
        total = groups.sum(axis=1, keepdims=True)
        fractions: NDArray[np.float64]
        fractions = np.divide(groups, total, out=np.zeros_like(groups), where=total > 0)
        return fractions

    return _follow(rule, shares, n_classes, divide)[:, :n_classes]


def galaxy10_allowed(shares: pd.DataFrame) -> list[tuple[int, ...]]:
    """Return the classes of `GALAXY10_DECALS` that the votes leave open.

    Parameters
    ----------
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        rule names, as `read_votes` returns them.

    Returns
    -------
    list of tuple of int
        Ascending class indices for each galaxy; empty if it may belong to no class, such as a disc
        without arms.
    """
    opened = _open_classes(GALAXY10_RULE, shares, len(GALAXY10_DECALS), _OPEN)
    return [tuple(np.flatnonzero(row).tolist()) for row in opened]


def galaxy10_sdss_allowed(shares: pd.DataFrame) -> list[tuple[int, ...]]:
    """Return the classes of `GALAXY10_SDSS` that together have more than 55 % of the votes.

    Parameters
    ----------
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        rule names, as `read_votes` returns them.

    Returns
    -------
    list of tuple of int
        Ascending class indices for each galaxy: one where the votes agree, else as few as possible
        (of two with equal votes, both); empty if the ten classes have too few votes because of
        stars and unanswered questions.
    """
    votes = class_shares(GALAXY10_SDSS_RULE, shares, len(GALAXY10_SDSS))
    ranked = -np.sort(-votes, axis=1)
    enough = np.cumsum(ranked, axis=1) > _AGREEMENT
    fewest = np.argmax(enough, axis=1)
    least = np.where(enough.any(axis=1), ranked[np.arange(len(ranked)), fewest], np.inf)
    return [tuple(np.flatnonzero(row).tolist()) for row in votes >= least[:, None]]


def _open_classes(
    rule: Choice, shares: pd.DataFrame, n_classes: int, least: float
) -> NDArray[np.bool_]:
    """Return which classes the votes leave open, shape (galaxies, classes).

    At each question the ways stay open that have at least `least` times the share of the leading
    one, or all where nobody answered.  A row is all False if a way to `NO_CLASS` is open.
    """

    def leaders(groups: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(groups >= least * groups.max(axis=1, keepdims=True), np.float64)

    reached = _follow(rule, shares, n_classes, leaders) > 0
    opened: NDArray[np.bool_] = reached[:, :n_classes] & ~reached[:, [NO_CLASS]]
    return opened


def _follow(
    rule: Choice,
    shares: pd.DataFrame,
    n_classes: int,
    pass_on: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the weight that arrives at each class, and last at `NO_CLASS`, of 1 per galaxy.

    `pass_on` maps the shares of the ways of a question, (galaxies, ways), to the weights passed on.
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
