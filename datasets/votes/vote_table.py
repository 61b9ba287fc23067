"""Read tables of Galaxy Zoo votes: the share of each answer for each galaxy."""

from __future__ import annotations

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
from .kaggle import kaggle_fault, kaggle_faulty
from .kinds import KAGGLE, VOTE_KINDS, VoteKind

__all__ = ["VoteTable", "read_votes"]

_NAMES = ("filename", "file", "asset_id", "GalaxyID", "iauname", "id_str", "dr7objid", "objid")
"""Columns that name the image, the most telling first."""

_IDENTIFIER = "dr7objid"


@dataclass(frozen=True, eq=False)
class VoteTable:
    """Vote shares of galaxies in the terms of Galaxy Zoo 2.

    Attributes
    ----------
    kind : VoteKind
        What they come from.
    names : tuple of str
        The image of each galaxy, with or without its extension.
    identifiers : tuple of str
        The galaxy's name in its survey; empty where the table has none.
    positions : tuple of (float, float) or None
        ICRS right ascension and declination in degrees, from the columns ``ra`` and ``dec``.
    shares : DataFrame
        One row a galaxy; a column ``<question>_<answer>`` for each answer of `GZ2_TREE` that the
        survey knows of.  The shares of a question need not sum to one; they are all 0 where nobody
        was asked.
    """

    kind: VoteKind
    names: tuple[str, ...]
    identifiers: tuple[str, ...]
    positions: tuple[Position | None, ...]
    shares: pd.DataFrame

    def __len__(self) -> int:
        return len(self.names)

    def only(self, keep: Sequence[bool] | NDArray[np.bool_]) -> VoteTable:
        """Return the galaxies for which `keep` is true."""
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


def read_votes(path: str | Path, on_error: Callable[[InputError], object] = _refuse) -> VoteTable:
    """Read a table of votes; its columns tell which survey's it is.

    Parameters
    ----------
    path : str or Path
        CSV, FITS, ECSV, VOTable or Parquet with the columns of one of `VOTE_KINDS` and one that
        names the image: ``filename``, ``file``, ``asset_id``, ``GalaxyID``, ``iauname``,
        ``id_str``, ``dr7objid`` or ``objid``.
    on_error : callable, optional
        Told of the galaxies that are wrong: without a name, with a fraction that is none, or, in
        Kaggle's columns, against the rule of the tree.  When it returns, they are left out.  By
        default the error is raised.

    Returns
    -------
    VoteTable
        In the order of the table.

    Raises
    ------
    InputError
        If the file cannot be read or lacks columns, and for what `on_error` does not forgive.
    """
    path = Path(path)

    def choose(columns: Sequence[str]) -> list[str]:
        wanted = {
            *_kind_of(path, columns).columns,
            _name_column(path, columns),
            _IDENTIFIER,
            *POSITION_COLUMNS,
        }
        return [column for column in columns if column in wanted]

    text = {*_NAMES, _IDENTIFIER}
    columns = read_columns(path, choose, text)
    table = pd.DataFrame(
        {
            name: columns.texts(name) if name in text else columns.numbers(name, required=False)
            for name in columns.names
        }
    )
    kind = _kind_of(path, list(table.columns))
    name = _name_column(path, list(table.columns))

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
        faulty = pd.Series(kaggle_faulty(table))
        table = without(
            faulty, f"against the rule of the decision tree ({kaggle_fault(table[faulty])})"
        )
    identifiers = table[_IDENTIFIER] if _IDENTIFIER in table else [""] * len(table)
    positions = table_positions(table)
    return VoteTable(
        kind, tuple(table[name]), tuple(identifiers), tuple(positions), kind.to_shares(table)
    )


def _kind_of(path: Path, columns: Sequence[str]) -> VoteKind:
    lacking = {kind.name: [c for c in kind.columns if c not in columns] for kind in VOTE_KINDS}
    found = {kind.name: len(kind.columns) - len(lacking[kind.name]) for kind in VOTE_KINDS}
    kind = max(VOTE_KINDS, key=lambda kind: found[kind.name])
    if found[kind.name] == 0:
        examples = ", ".join(repr(kind.columns[0]) for kind in VOTE_KINDS[:3])
        raise InputError(
            f"{path} has no column of Galaxy Zoo votes, such as {examples}. Use a table of "
            "Galaxy Zoo 2, of the Kaggle Galaxy Challenge or of Galaxy Zoo DECaLS."
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
