"""Tables that label whole images: one row an image, one or several classes that it may be."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from ..annotations.classes import GALAXY10_DECALS
from ..annotations.image_lookup import find_image
from ..errors import InputError
from ..files.safe_readers import read_bytes
from .positions import Position, table_positions
from .votes.galaxy10 import galaxy10_allowed
from .votes.vote_table import read_votes

__all__ = [
    "GALAXY_ZOO_LABELS",
    "LabelledImage",
    "file_column",
    "locate_images",
    "parse_label",
    "read_csv",
    "read_label_table",
    "read_vote_labels",
]

MAX_TABLE_BYTES = 2**30
"""A row for each of the 8.7 million galaxies of Galaxy Zoo DESI has this at most."""

CLEAR = 0.5
"""Probability over which a soft label counts as one class: no other can have as much."""

GALAXY_ZOO_LABELS: Mapping[str, tuple[int, ...]] = {
    "elliptical": (2, 3, 4),
    # The Kaggle label asked for "something odd" too: many of these are merging or disturbed.
    "spiral": (0, 1, 5, 6, 7),
    "spiral_clockwise": (5, 6, 7),
    "spiral_anticlockwise": (5, 6, 7),
    "edge_on": (8, 9),
    "merger": (0, 1),
    # A galaxy that is not a clear spiral may be any of the others: no information for training.
    "non_spiral": (),
    "dont_know": (),
}
"""Classes of `GALAXY10_DECALS` that a label of Galaxy Zoo 1 or of the Kaggle challenge allows."""


@dataclass(frozen=True)
class LabelledImage:
    """An image and the classes that it may be.

    Attributes
    ----------
    path : Path
        The image; the 17th of the file ``galaxies.h5`` (from 0) is ``galaxies.h5/17``.
    allowed : tuple of int
        Class indices, ascending, at least one; more than one where the label leaves it open.
    identifier : str
        The galaxy's name in its survey, where the table gives one.
    probabilities : tuple of float
        Of a soft label, the probability of each class, together one at most; else empty.
    position : (float, float) or None
        ICRS right ascension and declination in degrees, where they are known.
    """

    path: Path
    allowed: tuple[int, ...]
    identifier: str = ""
    probabilities: tuple[float, ...] = ()
    position: Position | None = None

    @property
    def class_id(self) -> int | None:
        """The class, if there is only one, or one whose probability is over a half."""
        if self.probabilities:
            leading = max(self.allowed, key=self.probabilities.__getitem__)
            return leading if self.probabilities[leading] > CLEAR else None
        return self.allowed[0] if len(self.allowed) == 1 else None

    @property
    def galaxy(self) -> str:
        """What the image is about, for `group_galaxies`: the identifier, or the file's stem."""
        return self.identifier or self.path.stem


def read_label_table(
    labels: str | Path,
    images: str | Path,
    class_names: Sequence[str] = GALAXY10_DECALS,
) -> list[LabelledImage]:
    """Read a table ``filename,label``.

    A label is a class name, a class index, several of either separated by ``|`` (any of them may
    be true), or, with the Galaxy10 DECaLS classes, a label of `GALAXY_ZOO_LABELS`.  An empty label,
    or one that allows no class, leaves the image out.

    Parameters
    ----------
    labels : str or Path
        CSV with the columns ``filename`` (or ``file``) and ``label``, and, where known, ``ra`` and
        ``dec`` in degrees.
    images : str or Path
        Folder of the images; file names stay inside it and may lack the extension.
    class_names : sequence of str
        The classes in order.

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
    table = read_csv(labels)
    names = table[file_column(table, labels, "'label'")]
    if "label" not in table.columns:
        raise InputError(f"{labels} lacks the column 'label'. Add it.")
    rows = zip(names, table["label"], table_positions(table), strict=True)
    parsed = [
        (name, parse_label(label, class_names, f"{labels}, line {line}"), position)
        for line, (name, label, position) in enumerate(rows, 2)
    ]
    found = [row for row in parsed if row[1]]
    paths = locate_images([name for name, _, _ in found], labels, images)
    return [
        LabelledImage(path, allowed, position=position)
        for path, (_, allowed, position) in zip(paths, found, strict=True)
    ]


def read_vote_labels(votes: str | Path, images: str | Path) -> list[LabelledImage]:
    """Read a table of Galaxy Zoo votes as labels of `GALAXY10_DECALS`, by `galaxy10_allowed`.

    Parameters
    ----------
    votes : str or Path
        Table as `read_votes` takes it.
    images : str or Path
        Folder of the images; the table may leave out their extension.

    Returns
    -------
    list of LabelledImage
        In the order of the table, without the galaxies whose votes decide nothing.

    Raises
    ------
    InputError
        If the table cannot be read, or an image is missing or outside the folder.
    """
    table = read_votes(votes)
    allowed = galaxy10_allowed(table.shares)
    table = table.only([bool(classes) for classes in allowed])
    paths = locate_images(table.names, votes, images)
    return [
        LabelledImage(path, classes, identifier, position=position)
        for path, classes, identifier, position in zip(
            paths, filter(None, allowed), table.identifiers, table.positions, strict=True
        )
    ]


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV whose cells are all text; raises InputError."""
    content = io.BytesIO(read_bytes(path, MAX_TABLE_BYTES))
    try:
        return pd.read_csv(content, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read the label table {path}: {error}") from error


def file_column(table: pd.DataFrame, path: Path, others: str) -> str:
    """Return the name of the column of file names; raises InputError without one."""
    for column in ("filename", "file"):
        if column in table.columns:
            return column
    raise InputError(
        f"{path} has the columns {', '.join(map(str, table.columns))[:200]}; "
        f"it needs 'filename' and {others}."
    )


def parse_label(label: str, class_names: Sequence[str], where: str) -> tuple[int, ...]:
    """Return the classes that a label allows, as in `read_label_table`; raises InputError."""
    meanings = _meanings(tuple(class_names))
    allowed: set[int] = set()
    for part in filter(None, (p.strip() for p in label.split("|"))):
        if part in meanings:
            allowed.update(meanings[part])
        elif part.isdecimal() and len(part) < 10 and int(part) < len(class_names):
            allowed.add(int(part))
        else:
            raise InputError(
                f"{where}: unknown label {part[:60]!r}. Use one of: {', '.join(meanings)}, "
                f"or an index from 0 to {len(class_names) - 1}."
            )
    return tuple(sorted(allowed))


def locate_images(names: Sequence[str], table: str | Path, images: str | Path) -> list[Path]:
    """Return the images that a table names.

    Raises
    ------
    InputError
        If one is missing or outside the folder.
    """
    if not Path(images).is_dir():
        raise InputError(f"{images} is not a folder; {table} needs its images there.")
    found = [(name, find_image(images, name)) for name in names]
    missing = [name for name, path in found if path is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(found)} images that {table} names are not in {images}, "
            f"first {missing[0]!r}. Add them or remove their rows."
        )
    return [path for _, path in found if path is not None]


@cache
def _meanings(class_names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    meanings: dict[str, tuple[int, ...]] = {n: (index,) for index, n in enumerate(class_names)}
    if class_names == GALAXY10_DECALS:
        meanings.update(GALAXY_ZOO_LABELS)
    return meanings
