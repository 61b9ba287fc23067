"""Read tables that label whole images: classes, class probabilities, or Galaxy Zoo votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations.classes import GALAXY10_DECALS
from ..errors import InputError
from ..files.tables import read_columns
from .identifiers import table_positions
from .image_archive import find_images
from .labels import LabelledImage, Position
from .votes.class_rules import GALAXY10_RULE, class_shares, galaxy10_allowed
from .votes.vote_table import read_votes
from .votes.vote_trees import VoteTree

__all__ = [
    "GALAXY_ZOO_LABELS",
    "parse_label",
    "read_label_table",
    "read_probability_table",
    "read_vote_fractions",
    "read_vote_labels",
    "read_vote_probabilities",
]

GALAXY_ZOO_LABELS: Mapping[str, tuple[int, ...]] = {
    "elliptical": (2, 3, 4),
    # The Kaggle label includes "something odd": many of these are merging or disturbed.
    "spiral": (0, 1, 5, 6, 7),
    "spiral_clockwise": (5, 6, 7),
    "spiral_anticlockwise": (5, 6, 7),
    "edge_on": (8, 9),
    "merger": (0, 1),
    # A galaxy that is not a clear spiral may be of any other class.
    "non_spiral": (),
    "dont_know": (),
}
"""Classes of `GALAXY10_DECALS` that a label of Galaxy Zoo 1 or of the Kaggle challenge allows."""

_BOX_FILES = (".json", ".yaml", ".yml", ".txt", ".pbtxt", ".reg", ".record", ".tfrecord")

_ROUNDING = 0.01
"""Tolerance for the sum of rounded probabilities above one."""


def read_label_table(
    labels: str | Path,
    images: str | Path,
    class_names: Sequence[str] = GALAXY10_DECALS,
    where: Mapping[str, str | int] = MappingProxyType({}),
    merged: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> list[LabelledImage]:
    """Read a table ``filename,label``.

    A label is a class name, a class index, several of either separated by ``|`` (any of them may
    be true), or, with the Galaxy10 DECaLS classes, a label of `GALAXY_ZOO_LABELS`.  Images with an
    empty label, or one that allows no class, are left out.

    Parameters
    ----------
    labels : str or Path
        CSV, FITS, VOTable, ECSV or Parquet with the columns ``filename`` (or ``file``) and
        ``label`` (or ``class``), optionally ``ra`` and ``dec`` in degrees.
    images : str or Path
        Folder of the images; file names stay inside it and may lack the extension.
    class_names : sequence of str
        The classes in order.
    where : mapping of str to str or int
        Rows that are used: the text that each of these columns must have.
    merged : mapping of str to tuple of int
        Further labels, and the indices of the classes that they allow.

    Returns
    -------
    list of LabelledImage
        In the order of the table.

    Raises
    ------
    InputError
        If the table cannot be read, names an unknown class, or names an image that is missing or
        outside the folder.
    """
    labels = Path(labels)
    table = _select(_read_texts(labels), labels, where)
    names = table[_file_column(table, labels, "'label'")]
    column = next((name for name in ("label", "class") if name in table.columns), None)
    if column is None:
        raise InputError(f"{labels} lacks the column 'label'. Add it.")
    rows = zip(table.index, names, table[column], table_positions(table), strict=True)
    parsed = [
        (name, parse_label(label, class_names, f"{labels}, line {row + 2}", merged), position)
        for row, name, label, position in rows
    ]
    found = [row for row in parsed if row[1]]
    paths = _locate_images([name for name, _, _ in found], labels, images)
    return [
        LabelledImage(path, allowed, position=position)
        for path, (_, allowed, position) in zip(paths, found, strict=True)
    ]


def read_probability_table(
    table: str | Path,
    images: str | Path,
    class_names: Sequence[str] = GALAXY10_DECALS,
    where: Mapping[str, str | int] = MappingProxyType({}),
) -> list[LabelledImage]:
    """Read a table of soft labels with a column for each class.

    Parameters
    ----------
    table : str or Path
        CSV, FITS, VOTable, ECSV or Parquet with the column ``filename`` (or ``file``), a column of
        probabilities named after each class, or ``p0``, ``p1`` ... in the order of the classes, and
        optionally ``ra`` and ``dec`` in degrees.  A row sums to at most one; the rest belongs to no
        class.  Images with a row of zeros are left out.
    images : str or Path
        Folder of the images; the table may leave out their extension.
    class_names : sequence of str
        The classes in order.
    where : mapping of str to str or int
        Rows that are used: the text that each of these columns must have.

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
    content = _select(_read_texts(table), table, where)
    names = content[_file_column(content, table, "a column for each class")]
    columns_of = [f"p{number}" for number in range(len(class_names))]
    if not set(columns_of) <= set(content.columns):
        columns_of = list(class_names)
    if lacking := [name for name in columns_of if name not in content.columns]:
        raise InputError(
            f"{table} lacks {len(lacking)} of the {len(class_names)} classes, first "
            f"{lacking[0]!r}. Give each class a column of its name."
        )
    columns = [pd.to_numeric(content[name], errors="coerce") for name in columns_of]
    values = np.stack(columns, axis=1).astype(np.float64)
    wrong = ~((values >= 0).all(axis=1) & (values.sum(axis=1) <= 1 + _ROUNDING))
    if wrong.any():
        raise InputError(
            f"{table}, line {content.index[wrong.argmax()] + 2} does not hold probabilities from 0 "
            f"to 1 that sum to one at most ({int(wrong.sum())} such rows). Correct or remove them."
        )
    unnamed = [""] * len(names)
    return _soft(list(names), values, unnamed, table_positions(content), table, images)


def read_vote_labels(votes: str | Path, images: str | Path) -> list[LabelledImage]:
    """Read a table of Galaxy Zoo votes as labels of `GALAXY10_DECALS`, by `galaxy10_allowed`.

    Parameters
    ----------
    votes : str or Path
        Table of votes; see `read_votes`.
    images : str or Path
        Folder of the images; the table may omit their extension.

    Returns
    -------
    list of LabelledImage
        In the order of the table, without the galaxies whose votes allow no class.

    Raises
    ------
    InputError
        If the table cannot be read, or an image is missing or outside the folder.
    """
    table = read_votes(votes)
    allowed = galaxy10_allowed(table.shares)
    table = table.only([bool(classes) for classes in allowed])
    paths = _locate_images(table.names, votes, images)
    return [
        LabelledImage(path, classes, identifier, position=position)
        for path, classes, identifier, position in zip(
            paths, filter(None, allowed), table.identifiers, table.positions, strict=True
        )
    ]


def read_vote_probabilities(votes: str | Path, images: str | Path) -> list[LabelledImage]:
    """Read a table of Galaxy Zoo votes as soft labels of `GALAXY10_DECALS`.

    A probability is the product of the vote shares on the path to the class (`class_shares`).

    Parameters
    ----------
    votes : str or Path
        Table of votes; see `read_votes`.
    images : str or Path
        Folder of the images; the table may omit their extension.

    Returns
    -------
    list of LabelledImage
        In the order of the table, without galaxies whose probabilities are all zero.

    Raises
    ------
    InputError
        If the table cannot be read, its survey did not ask what tells the classes apart, or an
        image is missing or outside the folder.
    """
    table = read_votes(votes)
    if not table.kind.asks_details:
        raise InputError(
            f"{votes}: {table.kind.name} did not ask what tells the classes apart. Use labels of "
            "kind 'votes', which are sets of classes."
        )
    values = class_shares(GALAXY10_RULE, table.shares, len(GALAXY10_DECALS))
    return _soft(table.names, values, table.identifiers, table.positions, votes, images)


def read_vote_fractions(
    votes: str | Path, images: str | Path, tree: VoteTree
) -> list[LabelledImage]:
    """Read a table of Galaxy Zoo votes as the fraction of all volunteers who give each answer.

    Parameters
    ----------
    votes : str or Path
        Table of votes; see `read_votes`.
    images : str or Path
        Folder or ZIP archive of the images; the table may omit their extension.
    tree : VoteTree
        The decision tree.

    Returns
    -------
    list of LabelledImage
        In the order of the table; `probabilities` are the values of the answers of the tree,
        `volunteers` their number, if the table has it.

    Raises
    ------
    InputError
        If the table cannot be read or is not of this campaign, or an image is missing.
    """
    table = read_votes(votes, kinds=tree.kinds)
    values = tree.values(table.shares)
    identifiers, positions, volunteers = table.identifiers, table.positions, table.volunteers
    return _soft(table.names, values, identifiers, positions, votes, images, volunteers)


def parse_label(
    label: str,
    class_names: Sequence[str],
    where: str,
    merged: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> tuple[int, ...]:
    """Return the classes that a label allows, ascending, as described in `read_label_table`.

    Parameters
    ----------
    label : str
        The label.
    class_names : sequence of str
        The classes in order.
    where : str
        Location of the label, for the error message.
    merged : mapping of str to tuple of int
        Further labels, and the indices of the classes that they allow.

    Raises
    ------
    InputError
        If the label is unknown.
    """
    meanings = {**_meanings(tuple(class_names)), **merged}
    allowed: set[int] = set()
    for part in filter(None, (p.strip() for p in label.split("|"))):
        if part in meanings:
            allowed.update(meanings[part])
        elif part.isdecimal() and len(part) < 10 and int(part) < len(class_names):
            allowed.add(int(part))
        else:
            near = get_close_matches(part, meanings, n=1)
            raise InputError(
                f"{where}: unknown label {part[:60]!r}."
                + (f" Did you mean {near[0]!r}?" if near else "")
                + f" Use one of: {', '.join(meanings)}, or an index from 0 to "
                f"{len(class_names) - 1}."
            )
    return tuple(sorted(allowed))


@cache
def _meanings(class_names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    meanings: dict[str, tuple[int, ...]] = {n: (index,) for index, n in enumerate(class_names)}
    if class_names == GALAXY10_DECALS:
        meanings.update(GALAXY_ZOO_LABELS)
    return meanings


def _read_texts(path: Path) -> pd.DataFrame:
    """Return the cells of a table as text."""
    if path.is_dir() or path.suffix.lower() in _BOX_FILES:
        raise InputError(
            f"{path} is not a table of labels. To label images by the classes of boxes (COCO, "
            f"YOLO, Pascal VOC ...), run `galpipe annotations convert {path} boxes.csv` and set "
            "'labels' to boxes.csv; to place the crops by the boxes, set 'annotations'."
        )
    columns = read_columns(path, list)
    return pd.DataFrame({name: columns.texts(name) for name in columns.names}, dtype=object)


def _select(table: pd.DataFrame, path: Path, where: Mapping[str, str | int]) -> pd.DataFrame:
    """Return the rows with the given texts; their index stays that of the table."""
    for column, text in where.items():
        if column not in table.columns:
            raise InputError(
                f"{path} has no column {column!r}, by which its rows are chosen. It has: "
                f"{', '.join(map(str, table.columns))[:200]}."
            )
        table = table[table[column] == str(text)]
    if where and table.empty:
        chosen = ", ".join(f"{column} = {text}" for column, text in where.items())
        raise InputError(f"{path} has no row with {chosen}. Correct 'where'.")
    return table


def _file_column(table: pd.DataFrame, path: Path, others: str) -> str:
    """Return the name of the column of file names."""
    for column in ("filename", "file"):
        if column in table.columns:
            return column
    raise InputError(
        f"{path} has the columns {', '.join(map(str, table.columns))[:200]}; "
        f"it needs 'filename' and {others}."
    )


def _locate_images(names: Sequence[str], table: str | Path, images: str | Path) -> list[Path]:
    """Return the images that a table names; a missing one raises InputError."""
    found = find_images(names, images)
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(found)} images that {table} names are not in {images}, "
            f"first {missing[0]!r}. Add them or remove their rows."
        )
    return [path for path in found if path is not None]


def _soft(
    names: Sequence[str],
    values: NDArray[np.float64],
    identifiers: Sequence[str],
    positions: Sequence[Position | None],
    table: str | Path,
    images: str | Path,
    volunteers: NDArray[np.float64] | None = None,
) -> list[LabelledImage]:
    """Return the images whose class probabilities, shape (N, C), are not all zero."""
    numbers = np.zeros(len(values)) if volunteers is None else volunteers
    kept = np.flatnonzero(values.any(axis=1)).tolist()
    paths = _locate_images([names[row] for row in kept], table, images)
    return [
        LabelledImage(
            path,
            tuple(np.flatnonzero(values[row]).tolist()),
            identifiers[row],
            tuple(values[row].tolist()),
            positions[row],
            float(numbers[row]),
        )
        for path, row in zip(paths, kept, strict=True)
    ]
