"""Soft labels: the probability of each class, from a table of them or from Galaxy Zoo votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations.classes import GALAXY10_DECALS
from ..errors import InputError
from .labels import LabelledImage, file_column, locate_images, read_csv
from .positions import Position, table_positions
from .votes.choice import class_shares
from .votes.galaxy10 import GALAXY10_RULE
from .votes.vote_table import read_votes

__all__ = ["read_probability_table", "read_vote_probabilities"]

_ROUNDING = 0.01
"""By which rounded probabilities may sum to more than one."""


def read_probability_table(
    table: str | Path, images: str | Path, class_names: Sequence[str] = GALAXY10_DECALS
) -> list[LabelledImage]:
    """Read a table with a column for each class.

    Parameters
    ----------
    table : str or Path
        CSV with the column ``filename`` (or ``file``) and one of each class's name, which hold
        probabilities; a row sums to one, or less where something is left to none of the classes.
        A row of zeros leaves the image out.  ``ra`` and ``dec`` in degrees, where known.
    images : str or Path
        Folder of the images; the table may leave out their extension.
    class_names : sequence of str
        The classes in order.

    Returns
    -------
    list of LabelledImage
        In the order of the table.

    Raises
    ------
    InputError
        If the table cannot be read or lacks a class, a row does not hold probabilities, or an
        image is missing or outside the folder.
    """
    table = Path(table)
    content = read_csv(table)
    names = content[file_column(content, table, "a column for each class")]
    if lacking := [name for name in class_names if name not in content.columns]:
        raise InputError(
            f"{table} lacks {len(lacking)} of the {len(class_names)} classes, first "
            f"{lacking[0]!r}. Give each class a column of its name."
        )
    columns = [pd.to_numeric(content[name], errors="coerce") for name in class_names]
    values = np.stack(columns, axis=1).astype(np.float64)
    wrong = ~((values >= 0).all(axis=1) & (values.sum(axis=1) <= 1 + _ROUNDING))
    if wrong.any():
        raise InputError(
            f"{table}, line {int(wrong.argmax()) + 2} does not hold probabilities from 0 to 1 that "
            f"sum to one at most ({int(wrong.sum())} such rows). Mend or remove them."
        )
    unnamed = [""] * len(names)
    return _soft(list(names), values, unnamed, table_positions(content), table, images)


def read_vote_probabilities(votes: str | Path, images: str | Path) -> list[LabelledImage]:
    """Read a table of Galaxy Zoo votes as probabilities of `GALAXY10_DECALS`.

    A probability is the product of the vote shares along the way to the class (`class_shares`).

    Parameters
    ----------
    votes : str or Path
        Table as `read_votes` takes it.
    images : str or Path
        Folder of the images; the table may leave out their extension.

    Returns
    -------
    list of LabelledImage
        In the order of the table, without the galaxies of which no vote leads to a class.

    Raises
    ------
    InputError
        If the table cannot be read, or an image is missing or outside the folder.
    """
    table = read_votes(votes)
    values = class_shares(GALAXY10_RULE, table.shares, len(GALAXY10_DECALS))
    return _soft(table.names, values, table.identifiers, table.positions, votes, images)


def _soft(
    names: Sequence[str],
    values: NDArray[np.float64],
    identifiers: Sequence[str],
    positions: Sequence[Position | None],
    table: str | Path,
    images: str | Path,
) -> list[LabelledImage]:
    kept = np.flatnonzero(values.any(axis=1)).tolist()
    paths = locate_images([names[row] for row in kept], table, images)
    return [
        LabelledImage(
            path,
            tuple(np.flatnonzero(values[row]).tolist()),
            identifiers[row],
            tuple(values[row].tolist()),
            positions[row],
        )
        for path, row in zip(paths, kept, strict=True)
    ]
