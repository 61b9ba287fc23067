"""From Galaxy Zoo 2 votes to the classes of Galaxy10 DECaLS.

Galaxy10 DECaLS (Leung and Bovy, https://github.com/henrysky/Galaxy10) took its ten classes from
Galaxy Zoo votes and kept only galaxies on which the votes agree; its thresholds are not published,
and its predecessor asked for 55 % of the votes.  The rule here walks the questions in the order
below.  At each question an answer stays open if its share of the votes (see `vote_share`) is at
least three quarters of the leading answer's; of two answers, the leader must thus have more than
57 %.  A galaxy has a class if all open answers lead to the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .votes import vote_share

__all__ = ["GALAXY10_RULE", "Choice", "galaxy10_allowed", "galaxy10_class"]

_OPEN = 0.75

_NONE_OF_THE_TEN = -1


@dataclass(frozen=True)
class Choice:
    """A question with the way that each answer, or group of answers, leads: on, or to a class."""

    question: str
    ways: tuple[tuple[tuple[str, ...], Choice | int], ...]


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
        (("a09_no_spiral",), _NONE_OF_THE_TEN),
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
        (("a03_star_or_artifact",), _NONE_OF_THE_TEN),
    ),
)
_ODD_FEATURE = Choice(
    "t08_odd_feature",
    (
        (("a24_merger",), 1),
        (("a21_disturbed", "a22_irregular"), 0),
        (("a19_ring", "a38_dust_lane"), _SHAPE),
        # Stars in front, lenses and clusters of stars, for the most part.
        (("a20_lens_or_arc", "a23_other"), _NONE_OF_THE_TEN),
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


def galaxy10_class(row: Mapping[str, Any]) -> int | None:
    """Class of `GALAXY10_DECALS` that the votes agree on, or None.

    Parameters
    ----------
    row : mapping
        One row of the vote table, by column name.
    """
    allowed = galaxy10_allowed(row)
    return allowed[0] if len(allowed) == 1 else None


def galaxy10_allowed(row: Mapping[str, Any]) -> tuple[int, ...]:
    """Classes of `GALAXY10_DECALS` that the votes leave open.

    Parameters
    ----------
    row : mapping
        One row of the vote table, by column name.

    Returns
    -------
    tuple of int
        Ascending; empty if the galaxy may be none of the ten, such as a disc without arms.
    """
    classes = _classes(GALAXY10_RULE, row)
    return () if _NONE_OF_THE_TEN in classes else tuple(sorted(classes))


def _classes(choice: Choice | int, row: Mapping[str, Any]) -> set[int]:
    if isinstance(choice, int):
        return {choice}
    shares = [sum(vote_share(row, choice.question, a) for a in group) for group, _ in choice.ways]
    least = _OPEN * max(shares)
    open_ways = (way for share, (_, way) in zip(shares, choice.ways, strict=True) if share >= least)
    return set().union(*(_classes(way, row) for way in open_ways))
