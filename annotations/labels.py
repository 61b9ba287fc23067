"""Tables that label whole images: one row an image, one or several classes that it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import InputError
from .classes import GALAXY10_DECALS
from .find import find_image
from .votes.galaxy10 import galaxy10_allowed
from .votes.vote_table import read_votes

__all__ = ["GALAXY_ZOO_LABELS", "LabelledImage", "read_label_table", "read_vote_labels"]

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
        The image.
    allowed : tuple of int
        Class indices, ascending, at least one; more than one where the label leaves it open.
    identifier : str
        The galaxy's name in its survey, where the table gives one.
    """

    path: Path
    allowed: tuple[int, ...]
    identifier: str = ""

    @property
    def class_id(self) -> int | None:
        """The class, if there is only one."""
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
        CSV with the columns ``filename`` (or ``file``) and ``label``.
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
    table = _read_csv(labels)
    file_column = next((c for c in ("filename", "file") if c in table.columns), None)
    if file_column is None or "label" not in table.columns:
        raise InputError(
            f"{labels} has the columns {', '.join(map(str, table.columns))}; "
            "it needs 'filename' and 'label'."
        )
    meanings = _meanings(tuple(class_names))
    rows = []
    for line, (name, label) in enumerate(zip(table[file_column], table["label"], strict=True), 2):
        allowed = _parse(label, meanings, len(class_names), f"{labels}, line {line}")
        if allowed:
            rows.append((name, allowed, ""))
    return _locate(rows, labels, Path(images))


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
    rows = [
        (name, allowed, identifier)
        for name, identifier, allowed in zip(
            table.names, table.identifiers, galaxy10_allowed(table.shares), strict=True
        )
        if allowed
    ]
    return _locate(rows, Path(votes), Path(images))


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read the label table {path}: {error}") from error


def _meanings(class_names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    meanings: dict[str, tuple[int, ...]] = {n: (index,) for index, n in enumerate(class_names)}
    if class_names == GALAXY10_DECALS:
        meanings.update(GALAXY_ZOO_LABELS)
    return meanings


def _parse(
    label: str, meanings: Mapping[str, tuple[int, ...]], n_classes: int, where: str
) -> tuple[int, ...]:
    allowed: set[int] = set()
    for part in filter(None, (p.strip() for p in label.split("|"))):
        if part in meanings:
            allowed.update(meanings[part])
        elif part.isdecimal() and int(part) < n_classes:
            allowed.add(int(part))
        else:
            raise InputError(
                f"{where}: unknown label {part!r}. Use one of: {', '.join(meanings)}, "
                f"or an index from 0 to {n_classes - 1}."
            )
    return tuple(sorted(allowed))


def _locate(
    rows: Sequence[tuple[str, tuple[int, ...], str]], table: Path, images: Path
) -> list[LabelledImage]:
    if not images.is_dir():
        raise InputError(f"{images} is not a folder; {table} needs its images there.")
    found, missing = [], []
    for name, allowed, identifier in rows:
        path = find_image(images, name)
        if path is None:
            missing.append(name)
        else:
            found.append(LabelledImage(path, allowed, identifier))
    if missing:
        raise InputError(
            f"{len(missing)} of {len(rows)} images that {table} names are not in {images}, "
            f"first {missing[0]!r}. Add them or remove their rows."
        )
    return found
