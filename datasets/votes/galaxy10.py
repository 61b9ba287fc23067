"""From Galaxy Zoo 2 votes to the classes of Galaxy10 DECaLS.

Galaxy10 DECaLS (Leung and Bovy, https://github.com/henrysky/Galaxy10) took its ten classes from
Galaxy Zoo votes and kept only galaxies on which the votes agree; its thresholds are not published,
and its predecessor asked for 55 % of the votes.  The rule here walks the questions in the order
below.  At each question an answer stays open if its share of the votes is at least three quarters
of the leading answer's; of two answers, the leader must thus have more than 57 %.  A galaxy has a
class if all open answers lead to the same one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...annotations.classes import GALAXY10_DECALS
from .choice import NO_CLASS, Choice, open_classes

__all__ = ["GALAXY10_RULE", "galaxy10_allowed"]

_OPEN = 0.75

_SMOOTH = Choice(
    "t07_rounded",
    (
        (("a16_completely_round",), 2),
        (("a17_in_between",), 3),
        (("a18_cigar_shaped",), 4),
    ),
)
_EDGE_ON = Choice(
    "t09_bulge_shape",
    (
        (("a27_no_bulge",), 8),
        (("a25_rounded", "a26_boxy"), 9),
    ),
)
# Medium arms count as loose: beside tight ones they look open.
_WINDING = Choice(
    "t10_arms_winding",
    (
        (("a28_tight",), 6),
        (("a29_medium", "a30_loose"), 7),
    ),
)
_SPIRAL = Choice(
    "t03_bar",
    (
        (("a06_bar",), 5),
        (("a07_no_bar",), _WINDING),
    ),
)
_FACE_ON = Choice(
    "t04_spiral",
    (
        (("a08_spiral",), _SPIRAL),
        (("a09_no_spiral",), NO_CLASS),
    ),
)
_DISC = Choice(
    "t02_edgeon",
    (
        (("a04_yes",), _EDGE_ON),
        (("a05_no",), _FACE_ON),
    ),
)
_SHAPE = Choice(
    "t01_smooth_or_features",
    (
        (("a01_smooth",), _SMOOTH),
        (("a02_features_or_disk",), _DISC),
        (("a03_star_or_artifact",), NO_CLASS),
    ),
)
_ODD_FEATURE = Choice(
    "t08_odd_feature",
    (
        (("a24_merger",), 1),
        (("a21_disturbed", "a22_irregular"), 0),
        (("a19_ring", "a38_dust_lane"), _SHAPE),
        # Stars in front, lenses and clusters of stars, for the most part.
        (("a20_lens_or_arc", "a23_other"), NO_CLASS),
    ),
)
GALAXY10_RULE = Choice(
    "t06_odd",
    (
        (("a14_yes",), _ODD_FEATURE),
        (("a15_no",), _SHAPE),
    ),
)
"""The first question of the rule; the numbers are indices of `GALAXY10_DECALS`."""


def galaxy10_allowed(shares: pd.DataFrame) -> list[tuple[int, ...]]:
    """Classes of `GALAXY10_DECALS` that the votes leave open.

    Parameters
    ----------
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        rule names, as `read_votes` gives them.

    Returns
    -------
    list of tuple of int
        For each galaxy, ascending; empty if it may be none of the ten, such as a disc without arms.
    """
    opened = open_classes(GALAXY10_RULE, shares, len(GALAXY10_DECALS), _OPEN)
    return [tuple(np.flatnonzero(row).tolist()) for row in opened]
