"""Decision trees of Galaxy Zoo as data: questions, answers, and the question after each answer.

`GZ2_TREE` is that of Galaxy Zoo 2 (Willett et al. 2013, MNRAS 435, 2835, table 2).  The trees of
Galaxy Zoo DECaLS and their columns are those of Walmsley et al. (2022, MNRAS 509, 3966; catalogues
of votes: Zenodo 4573248).  The campaign GZD-5 asked for weak bars, five sizes of bulge and four
degrees of merging; GZD-1 and GZD-2 had asked the question of Galaxy Zoo 2 on bars, three sizes of
bulge and tidal debris.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "GZ2_DATASETS_AS_GZ2",
    "GZ2_TREE",
    "GZD_1_2_AS_GZ2",
    "GZD_1_2_TREE",
    "GZD_5_AS_GZ2",
    "GZD_5_TREE",
    "Answer",
    "Question",
    "Tree",
    "normalized_shares",
    "question_masses",
]


_NUMBER = re.compile(r"^a\d+_")


@dataclass(frozen=True)
class Answer:
    """Answer of a question.

    Attributes
    ----------
    name : str
        Name in the tables.
    leads_to : str or None
        Name of the next question; None where the classification ends.
    """

    name: str
    leads_to: str | None

    @property
    def text(self) -> str:
        """The answer in words, such as ``completely round`` for ``a16_completely_round``."""
        return _NUMBER.sub("", self.name).replace("_", " ")


@dataclass(frozen=True)
class Question:
    """Question of a tree.

    Attributes
    ----------
    name : str
        Name in the tables.
    text : str
        Wording of the question.
    answers : tuple of Answer
        The answers in order.
    """

    name: str
    text: str
    answers: tuple[Answer, ...]

    def columns(self, kind: str = "") -> list[str]:
        """Return the column of each answer, in order: ``<question>_<answer>[_<kind>]``.

        Parameters
        ----------
        kind : str
            Kind of the value, such as ``debiased``; empty for none.
        """
        end = f"_{kind}" if kind else ""
        return [f"{self.name}_{answer.name}{end}" for answer in self.answers]


Tree: TypeAlias = Mapping[str, Question]
"""Questions by name, in order."""


def _tree(*questions: tuple[str, str, Mapping[str, str | None]]) -> Tree:
    """Build a tree from name, wording and answers of each question, with the next question."""
    return {
        name: Question(name, text, tuple(Answer(a, leads_to) for a, leads_to in answers.items()))
        for name, text, answers in questions
    }


_ODD = "t06_odd"

GZ2_TREE: Tree = _tree(
    (
        "t01_smooth_or_features",
        "Is the galaxy simply smooth and rounded, with no sign of a disk?",
        {
            "a01_smooth": "t07_rounded",
            "a02_features_or_disk": "t02_edgeon",
            "a03_star_or_artifact": None,
        },
    ),
    (
        "t02_edgeon",
        "Could this be a disk viewed edge-on?",
        {"a04_yes": "t09_bulge_shape", "a05_no": "t03_bar"},
    ),
    (
        "t03_bar",
        "Is there a sign of a bar feature through the centre?",
        {"a06_bar": "t04_spiral", "a07_no_bar": "t04_spiral"},
    ),
    (
        "t04_spiral",
        "Is there any sign of a spiral arm pattern?",
        {"a08_spiral": "t10_arms_winding", "a09_no_spiral": "t05_bulge_prominence"},
    ),
    (
        "t05_bulge_prominence",
        "How prominent is the central bulge, compared with the rest of the galaxy?",
        {
            "a10_no_bulge": _ODD,
            "a11_just_noticeable": _ODD,
            "a12_obvious": _ODD,
            "a13_dominant": _ODD,
        },
    ),
    (_ODD, "Is there anything odd?", {"a14_yes": "t08_odd_feature", "a15_no": None}),
    (
        "t07_rounded",
        "How rounded is it?",
        {"a16_completely_round": _ODD, "a17_in_between": _ODD, "a18_cigar_shaped": _ODD},
    ),
    (
        "t08_odd_feature",
        "What is the odd feature?",
        {
            "a19_ring": None,
            "a20_lens_or_arc": None,
            "a21_disturbed": None,
            "a22_irregular": None,
            "a23_other": None,
            "a24_merger": None,
            "a38_dust_lane": None,
        },
    ),
    (
        "t09_bulge_shape",
        "Does the galaxy have a bulge at its centre, and of what shape?",
        {"a25_rounded": _ODD, "a26_boxy": _ODD, "a27_no_bulge": _ODD},
    ),
    (
        "t10_arms_winding",
        "How tightly wound do the spiral arms appear?",
        {
            "a28_tight": "t11_arms_number",
            "a29_medium": "t11_arms_number",
            "a30_loose": "t11_arms_number",
        },
    ),
    (
        "t11_arms_number",
        "How many spiral arms are there?",
        dict.fromkeys(
            ("a31_1", "a32_2", "a33_3", "a34_4", "a36_more_than_4", "a37_cant_tell"),
            "t05_bulge_prominence",
        ),
    ),
)
"""The eleven questions of Galaxy Zoo 2; the first is ``t01_smooth_or_features``."""

_SMOOTH = "Is the galaxy simply smooth and rounded, with no sign of a disk?"
_EDGE_ON = "Could this be a disk viewed edge-on?"
_BAR = "Is there a sign of a bar feature through the centre of the galaxy?"
_ARMS = "Is there any sign of a spiral arm pattern?"
_WINDING = "How tightly wound do the spiral arms appear?"
_COUNT = "How many spiral arms are there?"
_BULGE = "How prominent is the central bulge, compared with the rest of the galaxy?"
_BULGE_SHAPE = "Does the galaxy have a bulge at its centre? If so, what shape?"
_ROUNDED = "How rounded is it?"

GZD_5_TREE: Tree = _tree(
    (
        "smooth-or-featured",
        _SMOOTH,
        {"smooth": "how-rounded", "featured-or-disk": "disk-edge-on", "artifact": None},
    ),
    ("disk-edge-on", _EDGE_ON, {"yes": "edge-on-bulge", "no": "bar"}),
    (
        "bar",
        _BAR,
        {"strong": "has-spiral-arms", "weak": "has-spiral-arms", "no": "has-spiral-arms"},
    ),
    ("has-spiral-arms", _ARMS, {"yes": "spiral-winding", "no": "bulge-size"}),
    ("spiral-winding", _WINDING, dict.fromkeys(("tight", "medium", "loose"), "spiral-arm-count")),
    (
        "spiral-arm-count",
        _COUNT,
        dict.fromkeys(("1", "2", "3", "4", "more-than-4", "cant-tell"), "bulge-size"),
    ),
    (
        "bulge-size",
        _BULGE,
        dict.fromkeys(("dominant", "large", "moderate", "small", "none"), "merging"),
    ),
    ("how-rounded", _ROUNDED, dict.fromkeys(("round", "in-between", "cigar-shaped"), "merging")),
    ("edge-on-bulge", _BULGE_SHAPE, dict.fromkeys(("boxy", "none", "rounded"), "merging")),
    (
        "merging",
        "Is the galaxy currently merging, or is there any sign of disturbance?",
        dict.fromkeys(("none", "minor-disturbance", "major-disturbance", "merger")),
    ),
)
"""The ten questions of GZD-5; the first is ``smooth-or-featured``."""

GZD_1_2_TREE: Tree = {
    **GZD_5_TREE,
    **_tree(
        ("bar", _BAR, dict.fromkeys(("yes", "no"), "has-spiral-arms")),
        (
            "spiral-arm-count",
            _COUNT,
            dict.fromkeys(("1", "2", "3", "4", "more-than-4"), "bulge-size"),
        ),
        ("bulge-size", _BULGE, dict.fromkeys(("dominant", "obvious", "none"), "merging")),
        (
            "how-rounded",
            _ROUNDED,
            dict.fromkeys(("completely", "in-between", "cigar-shaped"), "merging"),
        ),
        (
            "merging",
            "Is the galaxy currently merging, or is there any sign of tidal debris?",
            dict.fromkeys(("merger", "tidal-debris", "both", "neither")),
        ),
    ),
}
"""The ten questions of GZD-1 and GZD-2; the first is ``smooth-or-featured``."""

_SAME_NAMES: Mapping[str, tuple[str, ...]] = {
    "t01_smooth_or_features_a01_smooth": ("smooth-or-featured_smooth",),
    "t01_smooth_or_features_a02_features_or_disk": ("smooth-or-featured_featured-or-disk",),
    "t01_smooth_or_features_a03_star_or_artifact": ("smooth-or-featured_artifact",),
    "t02_edgeon_a04_yes": ("disk-edge-on_yes",),
    "t02_edgeon_a05_no": ("disk-edge-on_no",),
    "t03_bar_a07_no_bar": ("bar_no",),
    "t04_spiral_a08_spiral": ("has-spiral-arms_yes",),
    "t04_spiral_a09_no_spiral": ("has-spiral-arms_no",),
    "t07_rounded_a17_in_between": ("how-rounded_in-between",),
    "t10_arms_winding_a28_tight": ("spiral-winding_tight",),
    "t10_arms_winding_a29_medium": ("spiral-winding_medium",),
    "t10_arms_winding_a30_loose": ("spiral-winding_loose",),
    # The check boxes of Galaxy Zoo DECaLS, which its tables omit, and galaxy-datasets those of GZ2.
    "t08_odd_feature_a19_ring": (),
    "t08_odd_feature_a20_lens_or_arc": (),
    "t08_odd_feature_a22_irregular": (),
    "t08_odd_feature_a23_other": (),
    "t08_odd_feature_a38_dust_lane": (),
}

_COMMON_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_SAME_NAMES,
    "t07_rounded_a18_cigar_shaped": ("how-rounded_cigar-shaped",),
    "t09_bulge_shape_a25_rounded": ("edge-on-bulge_rounded",),
    "t09_bulge_shape_a26_boxy": ("edge-on-bulge_boxy",),
    "t09_bulge_shape_a27_no_bulge": ("edge-on-bulge_none",),
}

GZ2_DATASETS_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_SAME_NAMES,
    "t03_bar_a06_bar": ("bar_yes",),
    "t06_odd_a14_yes": ("something-odd_yes",),
    "t06_odd_a15_no": ("something-odd_no",),
    "t07_rounded_a16_completely_round": ("how-rounded_round",),
    "t07_rounded_a18_cigar_shaped": ("how-rounded_cigar",),
    "t08_odd_feature_a21_disturbed": (),
    "t08_odd_feature_a24_merger": (),
    "t09_bulge_shape_a25_rounded": ("bulge-shape_round",),
    "t09_bulge_shape_a26_boxy": ("bulge-shape_boxy",),
    "t09_bulge_shape_a27_no_bulge": ("bulge-shape_no-bulge",),
}
"""Answers of Galaxy Zoo 2 in the tables of galaxy-datasets, without the campaign, that correspond
to each answer of `GZ2_TREE`.  These tables omit the question of the odd feature."""

GZD_5_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_COMMON_AS_GZ2,
    "t03_bar_a06_bar": ("bar_strong", "bar_weak"),
    "t07_rounded_a16_completely_round": ("how-rounded_round",),
    # Minor disturbances are common, and belong to no class.
    "t06_odd_a14_yes": ("merging_major-disturbance", "merging_merger"),
    "t06_odd_a15_no": ("merging_none", "merging_minor-disturbance"),
    "t08_odd_feature_a21_disturbed": ("merging_major-disturbance",),
    "t08_odd_feature_a24_merger": ("merging_merger",),
}
"""Answers of `GZD_5_TREE` (none, one or several) that correspond to each answer of `GZ2_TREE`.

The size of the bulge and the number of arms are left out, since no class depends on them.
"""

GZD_1_2_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_COMMON_AS_GZ2,
    "t03_bar_a06_bar": ("bar_yes",),
    "t07_rounded_a16_completely_round": ("how-rounded_completely",),
    "t06_odd_a14_yes": ("merging_merger", "merging_tidal-debris", "merging_both"),
    "t06_odd_a15_no": ("merging_neither",),
    "t08_odd_feature_a21_disturbed": ("merging_tidal-debris",),
    "t08_odd_feature_a24_merger": ("merging_merger", "merging_both"),
}
"""Answers of `GZD_1_2_TREE` that correspond to each answer of `GZ2_TREE`."""


def normalized_shares(question: Question, shares: pd.DataFrame) -> NDArray[np.float64]:
    """Return the shares of the answers of one question, normalised to sum to one.

    Parameters
    ----------
    question : Question
        The question.
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer, at least 0.

    Returns
    -------
    ndarray of float64, shape (galaxies, answers)
        Zeros where nobody answered.
    """
    votes = shares[question.columns()].to_numpy(np.float64)
    total = votes.sum(axis=1, keepdims=True)
    fractions: NDArray[np.float64] = np.divide(
        votes, total, out=np.zeros_like(votes), where=total > 0
    )
    return fractions


def question_masses(
    tree: Tree, shares: pd.DataFrame, whole: Collection[str] = ()
) -> dict[str, NDArray[np.float64]]:
    """Return the fraction of all volunteers who reach each question.

    It is 1 for the first question; for any other, the sum over the answers that lead to it of the
    fraction who reach their question times their share.  Where all answers of a question lead to
    the same next one, all volunteers go on to it, even if nobody answered.

    Parameters
    ----------
    tree : Tree
        The tree.
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer.
    whole : collection of str, optional
        Questions that count as asked of all volunteers, whatever leads to them.

    Returns
    -------
    dict of str to ndarray of float64, shape (galaxies,)
        The fractions by question.
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
        leading: NDArray[np.float64] = normalized_shares(question, shares)[:, leads].sum(axis=1)
        return mass(question.name) * leading

    return {name: mass(name) for name in tree}
