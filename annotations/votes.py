"""Galaxy Zoo 2: the decision tree as data, and the class that a galaxy's votes give it.

The tree is that of Willett et al. (2013, MNRAS 435, 2835), table 2; the columns are those of the
table of Hart et al. (2016, MNRAS 461, 3663).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError

__all__ = [
    "GZ2_TREE",
    "Answer",
    "Question",
    "galaxy10_allowed",
    "galaxy10_class",
    "read_votes",
    "vote_fraction",
]


@dataclass(frozen=True)
class Answer:
    """One answer of a question: its name in the table, and the question that it leads to."""

    name: str
    leads_to: str | None


@dataclass(frozen=True)
class Question:
    """One question of the tree: its name in the table, its wording, its answers."""

    name: str
    text: str
    answers: tuple[Answer, ...]

    def column(self, answer: Answer, kind: str = "debiased") -> str:
        """Name of the table's column of an answer; `kind` is a suffix such as ``debiased``."""
        return f"{self.name}_{answer.name}_{kind}"


def _question(name: str, text: str, **answers: str | None) -> Question:
    return Question(name, text, tuple(Answer(a, leads_to) for a, leads_to in answers.items()))


_ODD = "t06_odd"

GZ2_TREE: Mapping[str, Question] = {
    question.name: question
    for question in (
        _question(
            "t01_smooth_or_features",
            "Is the galaxy simply smooth and rounded, with no sign of a disk?",
            a01_smooth="t07_rounded",
            a02_features_or_disk="t02_edgeon",
            a03_star_or_artifact=None,
        ),
        _question(
            "t02_edgeon",
            "Could this be a disk viewed edge-on?",
            a04_yes="t09_bulge_shape",
            a05_no="t03_bar",
        ),
        _question(
            "t03_bar",
            "Is there a sign of a bar feature through the centre?",
            a06_bar="t04_spiral",
            a07_no_bar="t04_spiral",
        ),
        _question(
            "t04_spiral",
            "Is there any sign of a spiral arm pattern?",
            a08_spiral="t10_arms_winding",
            a09_no_spiral="t05_bulge_prominence",
        ),
        _question(
            "t05_bulge_prominence",
            "How prominent is the central bulge, compared with the rest of the galaxy?",
            a10_no_bulge=_ODD,
            a11_just_noticeable=_ODD,
            a12_obvious=_ODD,
            a13_dominant=_ODD,
        ),
        _question(
            _ODD,
            "Is there anything odd?",
            a14_yes="t08_odd_feature",
            a15_no=None,
        ),
        _question(
            "t07_rounded",
            "How rounded is it?",
            a16_completely_round=_ODD,
            a17_in_between=_ODD,
            a18_cigar_shaped=_ODD,
        ),
        _question(
            "t08_odd_feature",
            "What is the odd feature?",
            a19_ring=None,
            a20_lens_or_arc=None,
            a21_disturbed=None,
            a22_irregular=None,
            a23_other=None,
            a24_merger=None,
            a38_dust_lane=None,
        ),
        _question(
            "t09_bulge_shape",
            "Does the galaxy have a bulge at its centre, and of what shape?",
            a25_rounded=_ODD,
            a26_boxy=_ODD,
            a27_no_bulge=_ODD,
        ),
        _question(
            "t10_arms_winding",
            "How tightly wound do the spiral arms appear?",
            a28_tight="t11_arms_number",
            a29_medium="t11_arms_number",
            a30_loose="t11_arms_number",
        ),
        _question(
            "t11_arms_number",
            "How many spiral arms are there?",
            a31_1="t05_bulge_prominence",
            a32_2="t05_bulge_prominence",
            a33_3="t05_bulge_prominence",
            a34_4="t05_bulge_prominence",
            a36_more_than_4="t05_bulge_prominence",
            a37_cant_tell="t05_bulge_prominence",
        ),
    )
}
"""The eleven questions of Galaxy Zoo 2 by name; the first is ``t01_smooth_or_features``."""


def vote_fraction(row: Mapping[str, Any], question: str, answer: str) -> float:
    """Share of the answer among the votes for its question, debiased after Hart et al. (2016).

    The debiased fraction stands for what would have been seen had the galaxy been near: it makes
    up for features that fade with distance.

    Parameters
    ----------
    row : mapping
        One row of the table, by column name.
    question, answer : str
        Names in `GZ2_TREE`, such as ``"t03_bar"`` and ``"a06_bar"``.

    Returns
    -------
    float
        0 to 1.
    """
    return float(row[f"{question}_{answer}_debiased"])


def galaxy10_class(row: Mapping[str, Any]) -> int | None:
    """Class of `GALAXY10_DECALS` that the votes agree on, or None.

    Parameters
    ----------
    row : mapping
        One row of the table, by column name.
    """
    allowed = galaxy10_allowed(row)
    return allowed[0] if len(allowed) == 1 else None


def galaxy10_allowed(row: Mapping[str, Any]) -> tuple[int, ...]:
    """Classes of `GALAXY10_DECALS` that the votes leave open, in order; empty if they say nothing.

    Parameters
    ----------
    row : mapping
        One row of the table, by column name.
    """

    def share(question: str, answer: str) -> float:
        return vote_fraction(row, question, answer)

    if share("t06_odd", "a14_yes") > 0.5:
        if share("t08_odd_feature", "a24_merger") > 0.5:
            return (1,)
        if share("t08_odd_feature", "a21_disturbed") > 0.5:
            return (0,)
    if share("t01_smooth_or_features", "a01_smooth") > 0.5:
        shapes = {
            2: share("t07_rounded", "a16_completely_round"),
            3: share("t07_rounded", "a17_in_between"),
            4: share("t07_rounded", "a18_cigar_shaped"),
        }
        return _decide(shapes)
    if share("t01_smooth_or_features", "a02_features_or_disk") <= 0.5:
        return ()
    if share("t02_edgeon", "a04_yes") > 0.5:
        no_bulge = share("t09_bulge_shape", "a27_no_bulge")
        return _decide({8: no_bulge, 9: 1 - no_bulge})
    if share("t04_spiral", "a08_spiral") <= 0.5:
        return ()
    if share("t03_bar", "a06_bar") >= 0.5:
        return (5,)
    tight = share("t10_arms_winding", "a28_tight")
    loose = share("t10_arms_winding", "a30_loose")
    return (6,) if tight > 0.5 else (7,) if loose > 0.5 else (6, 7)


def _decide(shares: Mapping[int, float]) -> tuple[int, ...]:
    certain = [index for index, share in shares.items() if share > 0.6]
    return tuple(certain or (index for index, share in shares.items() if share > 0.25))


def read_votes(path: str | Path) -> pd.DataFrame:
    """Read a Galaxy Zoo 2 vote table.

    Parameters
    ----------
    path : str or Path
        CSV with the ``..._debiased`` columns of the Hart et al. (2016) table and ``asset_id``,
        the stem of the image's file name.

    Returns
    -------
    DataFrame
        Indexed by ``asset_id`` (str).

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype={"asset_id": str, "objid": str, "dr7objid": str})
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read the vote table {path}: {error}") from error
    needed = ["asset_id"] + [q.column(a) for q in GZ2_TREE.values() for a in q.answers]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise InputError(
            f"{path} lacks {len(missing)} columns of the Galaxy Zoo 2 table, first "
            f"{missing[0]!r}. Use the table of Hart et al. (2016) with an asset_id column."
        )
    return table.set_index("asset_id")
