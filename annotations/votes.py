"""Galaxy Zoo 2: the decision tree as data, and the table of votes.

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
    "read_votes",
    "vote_share",
]


# The weighted fraction is what volunteers saw in the image; the debiased one, what they would have
# seen had the galaxy been near.  A classifier of images must not learn arms that only the second
# knows of, so the first counts double.  (Judged on contact sheets: with equal weights, a quarter of
# the spirals show no arms.)
_WEIGHTS = {"weighted_fraction": 2 / 3, "debiased": 1 / 3}


def _column(question: str, answer: str, kind: str) -> str:
    return f"{question}_{answer}_{kind}"


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

    def columns(self) -> list[str]:
        """Names of the table's columns of all answers, in order, that this package uses."""
        return [_column(self.name, a.name, kind) for a in self.answers for kind in _WEIGHTS]


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


def vote_share(row: Mapping[str, Any], question: str, answer: str) -> float:
    """Share of an answer among the votes for its question.

    Two thirds the fraction weighted by the volunteers' consistency (Willett et al. 2013), one third
    the fraction debiased for distance (Hart et al. 2016).

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
    return sum(
        weight * float(row[_column(question, answer, kind)]) for kind, weight in _WEIGHTS.items()
    )


def read_votes(path: str | Path) -> pd.DataFrame:
    """Read a Galaxy Zoo 2 vote table.

    Parameters
    ----------
    path : str or Path
        CSV with the ``..._weighted_fraction`` and ``..._debiased`` columns of the Hart et al.
        (2016) table and ``asset_id``, the stem of the image's file name.

    Returns
    -------
    DataFrame
        Indexed by ``asset_id`` (str).

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or holds no fraction where one belongs.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype={"asset_id": str, "objid": str, "dr7objid": str})
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read the vote table {path}: {error}") from error
    fractions = [column for question in GZ2_TREE.values() for column in question.columns()]
    missing = [column for column in ["asset_id", *fractions] if column not in table.columns]
    if missing:
        raise InputError(
            f"{path} lacks {len(missing)} columns of the Galaxy Zoo 2 table, first "
            f"{missing[0]!r}. Use the table of Hart et al. (2016) with an asset_id column."
        )
    numbers = table[fractions].apply(pd.to_numeric, errors="coerce")
    bad = ~numbers.apply(lambda column: column.between(0, 1)).all(axis="columns")
    if bad.any():
        raise InputError(
            f"{path}: {int(bad.sum())} galaxies have a vote fraction that is not a number from 0 "
            f"to 1, first asset_id {table['asset_id'][bad].iloc[0]}. Remove or mend those rows."
        )
    return table.set_index("asset_id")
