"""Read tables of Galaxy Zoo votes as vote shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
from .kaggle import find_inconsistent
from .vote_kinds import KAGGLE, VOTE_KINDS, VoteKind

__all__ = ["VoteTable", "read_votes"]

_NAMES = (
    "filename", "file", "asset_id", "GalaxyID", "iauname", "id_str", "dr8_id", "dr8objid",
    "dr7objid", "objid", "OBJID",
)  # fmt: skip
"""Columns that name the image, in order of preference."""

_IDENTIFIER = "dr7objid"

# galaxy-datasets names the campaign after each question, as in ``bar-dr8_strong_fraction``.
_CAMPAIGN = re.compile(r"-(?:gz2|dr5|dr8|dr12)(?=_)")
_WHOLE_NUMBER = re.compile(r"\d+\.0+")


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
    volunteers : ndarray of float64, shape (N,)
        Number of volunteers who voted for each galaxy; 0 where the table does not have it.
    """

    kind: VoteKind
    names: tuple[str, ...]
    identifiers: tuple[str, ...]
    positions: tuple[Position | None, ...]
    shares: pd.DataFrame
    volunteers: NDArray[np.float64]

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
            self.volunteers[kept],
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
        If the file cannot be read, lacks columns or has no rows, and by default for invalid
        galaxies.
    """
    path = Path(path)

    def choose(columns: Sequence[str]) -> list[str]:
        plain = _without_campaign(path, columns)
        kind = _kind_of(path, list(plain.values()), kinds)
        wanted = {
            *kind.columns,
            kind.volunteers,
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
    if table.empty:
        raise InputError(f"{path} has no rows. Use the whole table as it was published.")
    table = table.rename(columns=_without_campaign(path, list(table.columns)))
    kind = _kind_of(path, list(table.columns), kinds)
    name = _name_column(path, list(table.columns))

    # A program that read the identifiers as numbers wrote them with a decimal point.
    texts = table[name].tolist()
    if all(_WHOLE_NUMBER.fullmatch(text) for text in texts):
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
    volunteers = np.zeros(len(table))
    if kind.volunteers in table:
        volunteers = table[kind.volunteers].clip(lower=0).fillna(0).to_numpy(np.float64)
    return VoteTable(
        kind,
        tuple(table[name]),
        tuple(identifiers),
        tuple(positions),
        kind.to_shares(table),
        volunteers,
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
