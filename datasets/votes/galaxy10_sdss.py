"""From Galaxy Zoo votes to the classes of Galaxy10 SDSS.

Galaxy10 SDSS took the galaxies for which more than 55 % of the votes among its ten classes are for
a single one (the page "Galaxy10 SDSS" of astroNN's documentation).  A class's part of the votes is
here the product of the vote shares along the way to it.  Votes for a star or artifact stay in the
count, as an eleventh class that gives no label.  Where no class alone has more than 55 %, the label
is the fewest, beginning with the leader, that together have.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...annotations.classes import GALAXY10_SDSS
from .choice import NO_CLASS, Choice, class_shares

__all__ = ["GALAXY10_SDSS_RULE", "galaxy10_sdss_allowed"]

_AGREEMENT = 0.55

_SMOOTH = Choice(
    "t07_rounded",
    (
        (("a16_completely_round",), 1),
        (("a17_in_between",), 2),
        (("a18_cigar_shaped",), 3),
    ),
)
_EDGE_ON = Choice(
    "t09_bulge_shape",
    (
        (("a25_rounded",), 4),
        (("a26_boxy",), 5),
        (("a27_no_bulge",), 6),
    ),
)
_SPIRAL = Choice(
    "t10_arms_winding",
    (
        (("a28_tight",), 7),
        (("a29_medium",), 8),
        (("a30_loose",), 9),
    ),
)
_FACE_ON = Choice(
    "t04_spiral",
    (
        (("a08_spiral",), _SPIRAL),
        (("a09_no_spiral",), 0),
    ),
)
_DISC = Choice(
    "t02_edgeon",
    (
        (("a04_yes",), _EDGE_ON),
        (("a05_no",), _FACE_ON),
    ),
)
GALAXY10_SDSS_RULE = Choice(
    "t01_smooth_or_features",
    (
        (("a01_smooth",), _SMOOTH),
        (("a02_features_or_disk",), _DISC),
        (("a03_star_or_artifact",), NO_CLASS),
    ),
)
"""The first question of the rule; the numbers are indices of `GALAXY10_SDSS`."""


def galaxy10_sdss_allowed(shares: pd.DataFrame) -> list[tuple[int, ...]]:
    """Classes of `GALAXY10_SDSS` that hold more than 55 % of the votes together.

    Parameters
    ----------
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        rule names, as `read_votes` gives them.

    Returns
    -------
    list of tuple of int
        For each galaxy, ascending: one class where the votes agree, the fewest that must be taken
        together where they do not (of two with equal votes, both); empty if stars and unanswered
        questions leave the ten with too few votes.
    """
    votes = class_shares(GALAXY10_SDSS_RULE, shares, len(GALAXY10_SDSS))
    ranked = -np.sort(-votes, axis=1)
    enough = np.cumsum(ranked, axis=1) > _AGREEMENT
    fewest = np.argmax(enough, axis=1)
    least = np.where(enough.any(axis=1), ranked[np.arange(len(ranked)), fewest], np.inf)
    return [tuple(np.flatnonzero(row).tolist()) for row in votes >= least[:, None]]
