"""Read tables of Galaxy Zoo votes as vote shares: formats of the surveys and their reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import InputError
from ...files.tables import read_columns
from ..identifiers import POSITION_COLUMNS, table_positions
from ..labels import Position
from .decision_trees import (
    GZ2_DATASETS_AS_GZ2,
    GZ2_TREE,
    GZD_1_2_AS_GZ2,
    GZD_5_AS_GZ2,
    Tree,
)
from .kaggle import KAGGLE_COLUMNS, find_inconsistent, from_kaggle

__all__ = [
    "GZ2",
    "GZD_1_2",
    "GZD_5",
    "KAGGLE",
    "VOTE_KINDS",
    "VoteKind",
    "VoteTable",
    "fractions_of_tree",
    "read_votes",
]

_NAMES = (
    "filename", "file", "asset_id", "GalaxyID", "iauname", "id_str", "dr8_id", "dr8objid",
    "dr7objid", "objid", "OBJID",
)  # fmt: skip
"""Columns that name the image, in order of preference."""

_IDENTIFIER = "dr7objid"

# galaxy-datasets names the campaign after each question, as in ``bar-dr8_strong_fraction``.
_CAMPAIGN = re.compile(r"-(?:gz2|dr5|dr8|dr12)(?=_)")
_WHOLE_NUMBER = re.compile(r"\d+\.0+")


# The weighted fraction describes the visible features of the image; the debiased one, those of the
# galaxy if it were near.  A classifier of images must not learn arms that are not visible, so the
# first has twice the weight.  (Checked on contact sheets: with equal weights, a
# quarter of the spirals show no arms.)
_WEIGHTS = {"weighted_fraction": 2 / 3, "debiased": 1 / 3}


@dataclass(frozen=True)
class VoteKind:
    """Table format of a survey.

    Attributes
    ----------
    name : str
        Name of the survey, for messages.
    questions : tuple of tuple of str
        Columns of each question that are read; their values are 0 to 1, and all empty where the
        question was not asked.
    to_shares : callable
        Converts these columns to vote shares, a column ``<question>_<answer>`` for each answer of
        `GZ2_TREE` that the survey has.
    asks_details : bool
        The survey asks what tells the classes of Galaxy10 apart; without, votes only narrow the
        class down.
    """

    name: str
    questions: tuple[tuple[str, ...], ...]
    to_shares: Callable[[pd.DataFrame], pd.DataFrame]
    asks_details: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, in order."""
        return tuple(column for question in self.questions for column in question)


def _gz2_shares(votes: pd.DataFrame) -> pd.DataFrame:
    columns = [column for question in GZ2_TREE.values() for column in question.columns()]
    return pd.DataFrame(
        {
            column: sum(weight * votes[f"{column}_{kind}"] for kind, weight in _WEIGHTS.items())
            for column in columns
        }
    )


GZ2 = VoteKind(
    "Galaxy Zoo 2",
    tuple(
        tuple(f"{column}_{kind}" for column in question.columns() for kind in _WEIGHTS)
        for question in GZ2_TREE.values()
    ),
    _gz2_shares,
)

KAGGLE = VoteKind(
    "Kaggle Galaxy Challenge",
    tuple(
        tuple(c for c, answer in KAGGLE_COLUMNS.items() if answer in question.columns())
        for question in GZ2_TREE.values()
    ),
    from_kaggle,
)


# Galaxy Zoo 1 asked one question (Lintott et al. 2008).
_GZ1_AS_GZ2 = {
    "t01_smooth_or_features_a01_smooth": ("P_EL",),
    "t01_smooth_or_features_a02_features_or_disk": ("P_CW", "P_ACW", "P_EDGE"),
    "t01_smooth_or_features_a03_star_or_artifact": ("P_DK",),
    "t02_edgeon_a04_yes": ("P_EDGE",),
    "t02_edgeon_a05_no": ("P_CW", "P_ACW"),
    "t04_spiral_a08_spiral": ("P_CW", "P_ACW"),
    "t06_odd_a14_yes": ("P_MG",),
    "t06_odd_a15_no": ("P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK"),
    "t08_odd_feature_a24_merger": ("P_MG",),
}


def _gz1_shares(votes: pd.DataFrame) -> pd.DataFrame:
    columns = [column for question in GZ2_TREE.values() for column in question.columns()]
    return pd.DataFrame(
        {column: votes[list(_GZ1_AS_GZ2.get(column, ()))].sum(axis=1) for column in columns}
    )


_GZ1 = VoteKind(
    "Galaxy Zoo 1",
    (("P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK", "P_MG"),),
    _gz1_shares,
    asks_details=False,
)


def _fractions(name: str, as_gz2: Mapping[str, Sequence[str]]) -> VoteKind:
    def to_shares(votes: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                column: votes[[f"{answer}_fraction" for answer in answers]].sum(axis=1)
                for column, answers in as_gz2.items()
            }
        )

    questions: dict[str, dict[str, None]] = {}
    for answers in as_gz2.values():
        for answer in answers:
            questions.setdefault(answer.split("_")[0], {})[f"{answer}_fraction"] = None
    return VoteKind(name, tuple(tuple(columns) for columns in questions.values()), to_shares)


def fractions_of_tree(name: str, tree: Tree) -> VoteKind:
    """Return the table format of a campaign with all its answers, under their own names.

    Parameters
    ----------
    name : str
        Name of the campaign, for messages.
    tree : Tree
        Its tree; the table has a column ``<question>_<answer>_fraction`` for each answer.
    """
    questions = tuple(tuple(question.columns("fraction")) for question in tree.values())
    return VoteKind(
        name, questions, lambda votes: votes.rename(columns=lambda c: c.removesuffix("_fraction"))
    )


GZD_5 = _fractions("Galaxy Zoo DECaLS (GZD-5)", GZD_5_AS_GZ2)
GZD_1_2 = _fractions("Galaxy Zoo DECaLS (GZD-1, GZD-2)", GZD_1_2_AS_GZ2)

VOTE_KINDS: tuple[VoteKind, ...] = (
    GZ2,
    KAGGLE,
    GZD_5,
    GZD_1_2,
    _fractions("Galaxy Zoo 2 (galaxy-datasets)", GZ2_DATASETS_AS_GZ2),
    _GZ1,
)
"""Table formats that are read.

Galaxy Zoo 2: the columns of Willett et al. (2013, MNRAS 435, 2835) and of Hart et al. (2016, MNRAS
461, 3663); an answer's share is two thirds the fraction weighted by the volunteers' consistency and
one third the fraction debiased for distance.  Galaxy Zoo DECaLS: the ``..._fraction`` columns of
Walmsley et al. (2022, MNRAS 509, 3966), also as galaxy-datasets names them, and those of Galaxy Zoo
2.  Galaxy Zoo 1: the columns of Lintott et al. (2011, MNRAS 410, 166).
"""


@dataclass(frozen=True, eq=False)
class VoteTable:
    """Vote shares of galaxies for the answers of Galaxy Zoo 2.

    Attributes
    ----------
    kind : VoteKind
        Survey of the votes.
    names : tuple of str
        Name of the image of each galaxy, with or without its extension.
    identifiers : tuple of str
        Name of each galaxy in its survey; empty where the table has none.
    positions : tuple of (float, float) or None
        ICRS right ascension and declination in degrees, from the columns ``ra`` and ``dec``.
    shares : DataFrame
        One row per galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        survey has.  The shares of a question need not sum to one; they are all 0 where it was not
        asked.
    """

    kind: VoteKind
    names: tuple[str, ...]
    identifiers: tuple[str, ...]
    positions: tuple[Position | None, ...]
    shares: pd.DataFrame

    def __len__(self) -> int:
        return len(self.names)

    def only(self, keep: Sequence[bool] | NDArray[np.bool_]) -> VoteTable:
        """Return some of the galaxies.

        Parameters
        ----------
        keep : array_like of bool, shape (N,)
            True for the galaxies to return.
        """
        kept = np.flatnonzero(keep)
        return VoteTable(
            self.kind,
            tuple(self.names[index] for index in kept),
            tuple(self.identifiers[index] for index in kept),
            tuple(self.positions[index] for index in kept),
            self.shares.iloc[kept].reset_index(drop=True),
        )


def _refuse(error: InputError) -> NoReturn:
    raise error


def read_votes(
    path: str | Path,
    on_error: Callable[[InputError], object] = _refuse,
    kinds: Sequence[VoteKind] = VOTE_KINDS,
) -> VoteTable:
    """Read a table of votes; the columns identify the survey.

    Parameters
    ----------
    path : str or Path
        CSV, FITS, ECSV, VOTable or Parquet with the columns of one of `kinds` and one that names
        the image: ``filename``, ``file``, ``asset_id``, ``GalaxyID``, ``iauname``,
        ``id_str``, ``dr8_id``, ``dr8objid``, ``dr7objid`` or ``objid``.  Questions may be
        followed by their campaign, ``-gz2``, ``-dr5``, ``-dr8`` or ``-dr12``.
    on_error : callable, optional
        Called with an error about invalid galaxies: without a name, with an invalid fraction, or,
        in Kaggle's columns, inconsistent with the decision tree.  When it returns, they are left
        out.  By default the error is raised.
    kinds : sequence of VoteKind, optional
        Table formats that are accepted; by default all.

    Returns
    -------
    VoteTable
        In the order of the table.

    Raises
    ------
    InputError
        If the file cannot be read or lacks columns, and by default for invalid galaxies.
    """
    path = Path(path)

    def choose(columns: Sequence[str]) -> list[str]:
        plain = _without_campaign(path, columns)
        wanted = {
            *_kind_of(path, list(plain.values()), kinds).columns,
            _name_column(path, columns),
            _IDENTIFIER,
            *POSITION_COLUMNS,
        }
        return [column for column in columns if plain[column] in wanted]

    text = {*_NAMES, _IDENTIFIER}
    columns = read_columns(path, choose, text)
    table = pd.DataFrame(
        {
            name: columns.texts(name) if name in text else columns.numbers(name, required=False)
            for name in columns.names
        }
    )
    table = table.rename(columns=_without_campaign(path, list(table.columns)))
    kind = _kind_of(path, list(table.columns), kinds)
    name = _name_column(path, list(table.columns))

    # A program that read the identifiers as numbers wrote them with a decimal point.
    texts = table[name].tolist()
    if texts and all(_WHOLE_NUMBER.fullmatch(text) for text in texts):
        table[name] = [text.partition(".")[0] for text in texts]

    def without(wrong: pd.Series, what: str) -> pd.DataFrame:
        if not wrong.any():
            return table
        count = int(wrong.sum())
        first = ", ".join(table[name][wrong].iloc[:5]) + (", ..." if count > 5 else "")
        galaxies = "1 galaxy" if count == 1 else f"{count} galaxies"
        on_error(
            InputError(f"{path}: {galaxies} {what}: {name} {first}. Correct or remove the rows.")
        )
        return table[~wrong].reset_index(drop=True)

    table = without(table[name] == "", "without a name")
    for question in kind.questions:
        unanswered = table[list(question)].isna().all(axis=1)
        table.loc[unanswered, list(question)] = 0.0
    votes = table[list(kind.columns)]
    valid = ((votes >= 0) & (votes <= 1)).all(axis=1)
    table = without(~valid, "with a vote fraction that is not a number from 0 to 1")
    if kind is KAGGLE:
        inconsistent, reason = find_inconsistent(table)
        what = f"against the rule of the decision tree ({reason})"
        table = without(pd.Series(inconsistent), what)
    identifiers = table[_IDENTIFIER] if _IDENTIFIER in table else [""] * len(table)
    positions = table_positions(table)
    return VoteTable(
        kind, tuple(table[name]), tuple(identifiers), tuple(positions), kind.to_shares(table)
    )


def _without_campaign(path: Path, columns: Sequence[str]) -> dict[str, str]:
    """Return the name of each column without the campaign."""
    plain = {column: _CAMPAIGN.sub("", column) for column in columns}
    if len(set(plain.values())) < len(plain):
        raise InputError(
            f"{path} has the votes of several campaigns (-gz2, -dr5, -dr8, -dr12). Leave the "
            "columns of one."
        )
    return plain


def _kind_of(path: Path, columns: Sequence[str], kinds: Sequence[VoteKind]) -> VoteKind:
    lacking = {kind.name: [c for c in kind.columns if c not in columns] for kind in kinds}
    found = {kind.name: len(kind.columns) - len(lacking[kind.name]) for kind in kinds}
    kind = max(kinds, key=lambda kind: found[kind.name])
    if found[kind.name] == 0:
        examples = ", ".join(repr(kind.columns[0]) for kind in kinds[:3])
        accepted = ", ".join(kind.name for kind in kinds[:3])
        raise InputError(
            f"{path} has no column of Galaxy Zoo votes, such as {examples}. Use a table of one of "
            f"these: {accepted}."
        )
    if missing := lacking[kind.name]:
        raise InputError(
            f"{path} lacks {len(missing)} of the {len(kind.columns)} columns that are read of a "
            f"{kind.name} table, first {missing[0]!r}. Use the whole table as it was published."
        )
    return kind


def _name_column(path: Path, columns: Sequence[str]) -> str:
    for name in _NAMES:
        if name in columns:
            return name
    raise InputError(f"{path} has no column that names the image. Add one of: {', '.join(_NAMES)}.")
