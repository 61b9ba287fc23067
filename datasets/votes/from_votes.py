"""Convert tables of Galaxy Zoo votes to labels: classes, class probabilities, Kaggle's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ...annotations.classes import GALAXY10_DECALS, GALAXY10_SDSS
from ...annotations.images import image_stem
from ...errors import InputError
from ...files.atomic import atomic_path
from ...files.output_folder import refuse_existing
from ..image_archive import find_images
from ..image_checksums import name_in
from .class_rules import GALAXY10_RULE, class_shares, galaxy10_allowed, galaxy10_sdss_allowed
from .decision_trees import GZ2_TREE
from .kaggle import ARGMAX_CLASSES, to_kaggle
from .vote_table import VoteTable, read_votes

__all__ = ["TARGETS", "VoteLabels", "convert_votes", "labels_from_votes", "with_images"]

TARGETS: Mapping[str, tuple[str, ...]] = {
    "galaxy10-decals": GALAXY10_DECALS,
    "galaxy10-sdss": GALAXY10_SDSS,
    "soft": GALAXY10_DECALS,
    "kaggle": (),
    "kaggle-argmax": ARGMAX_CLASSES,
}
"""Kinds of labels that votes can be converted to, and their classes."""


@dataclass(frozen=True, eq=False)
class VoteLabels:
    """Result of `convert_votes`.

    Attributes
    ----------
    kind : str
        Name of the survey.
    class_names : tuple of str
        The classes of the labels; none for Kaggle's columns.
    galaxies : int
        Number of galaxies read, with or without a label.
    without_image : int
        Number of galaxies without an image in the folder.
    undecided : int
        Number of the other galaxies whose votes give no label.
    table : DataFrame
        The labels written.
    failures : tuple of InputError
        Errors about invalid rows, which were left out.
    """

    kind: str
    class_names: tuple[str, ...]
    galaxies: int
    without_image: int
    undecided: int
    table: pd.DataFrame
    failures: tuple[InputError, ...]


def convert_votes(
    source: str | Path,
    output: str | Path,
    target: str,
    *,
    images: str | Path | None = None,
    overwrite: bool = False,
) -> VoteLabels:
    """Convert a table of votes to a table of labels.

    Parameters
    ----------
    source : str or Path
        Table as `read_votes` takes it.
    output : str or Path
        CSV file to write.
    target : str
        One of `TARGETS`, see `labels_from_votes`.
    images : str or Path, optional
        Folder of the images, or a ZIP archive; galaxies without one in it are left out.
    overwrite : bool
        Replace an existing output.

    Returns
    -------
    VoteLabels
        The labels and counts.

    Raises
    ------
    InputError
        If the table cannot be read, lacks what the target needs, or names no image of the folder.
    OutputError
        If the output exists or cannot be written.
    """
    output = Path(output)
    refuse_existing([output], overwrite=overwrite)
    failures: list[InputError] = []
    votes = read_votes(source, failures.append)
    kept = votes if images is None else with_images(votes, images)
    if len(votes) and not len(kept):
        raise InputError(
            f"None of the {len(votes)} images that {source} names is in {images}, "
            f"first {votes.names[0]!r}. Name the folder that holds them."
        )
    table = labels_from_votes(kept, target)
    with atomic_path(output) as beside:
        table.to_csv(beside, index=False, float_format="%.6f", lineterminator="\n")
    return VoteLabels(
        kind=votes.kind.name,
        class_names=TARGETS[target],
        galaxies=len(votes),
        without_image=len(votes) - len(kept),
        undecided=len(kept) - len(table),
        table=table,
        failures=tuple(failures),
    )


def labels_from_votes(votes: VoteTable, target: str) -> pd.DataFrame:
    """Return votes as a table of labels.

    Parameters
    ----------
    votes : VoteTable
        The votes.
    target : str
        One of `TARGETS`.  ``galaxy10-decals`` and ``galaxy10-sdss`` give the columns ``filename``
        and ``label``, the allowed classes separated by ``|``; ``soft`` gives ``filename`` and the
        probability of each class of `GALAXY10_DECALS`; ``kaggle`` gives ``GalaxyID`` and the 37
        columns; ``kaggle-argmax`` gives ``filename`` and as ``label`` the column of the largest of
        them, of several equal ones the first.

    Returns
    -------
    DataFrame
        In the order of the votes, without the galaxies whose votes give no label.

    Raises
    ------
    InputError
        If the survey did not ask what the target needs.
    ValueError
        If there is no such target.
    """
    if target == "galaxy10-decals":
        return _labelled(votes, galaxy10_allowed(votes.shares), GALAXY10_DECALS)
    if not votes.kind.asks_details:
        raise InputError(
            f"{votes.kind.name} did not ask what tells the classes apart, such as how round a "
            "galaxy is. Choose the target galaxy10-decals, whose labels are sets of classes."
        )
    if target == "galaxy10-sdss":
        return _labelled(votes, galaxy10_sdss_allowed(votes.shares), GALAXY10_SDSS)
    if target == "soft":
        parts = class_shares(GALAXY10_RULE, votes.shares, len(GALAXY10_DECALS))
        values = pd.DataFrame(parts, columns=list(GALAXY10_DECALS))
        return _named("filename", votes.names, values)
    if target == "kaggle":
        _need_every_question(votes)
        return _named("GalaxyID", list(map(image_stem, votes.names)), to_kaggle(votes.shares))
    if target == "kaggle-argmax":
        _need_every_question(votes)
        values = to_kaggle(votes.shares)
        largest = values[list(ARGMAX_CLASSES)].idxmax(axis=1)
        table = pd.DataFrame({"filename": votes.names, "label": largest}, dtype=object)
        return table[(values > 0).any(axis=1)].reset_index(drop=True)
    raise ValueError(f"target is {target!r}, not one of {', '.join(TARGETS)}")


def with_images(votes: VoteTable, images: str | Path) -> VoteTable:
    """Return the votes of the galaxies whose image is in a folder or archive, by their names there.

    Parameters
    ----------
    votes : VoteTable
        The votes; names may lack the extension.
    images : str or Path
        Folder of the images, or a ZIP archive.

    Raises
    ------
    InputError
        If the folder or archive is missing or damaged, or a name leads out of it.
    """
    found = find_images(votes.names, images)
    kept = votes.only([path is not None for path in found])
    names = tuple(name_in(Path(images), path) for path in found if path is not None)
    return replace(kept, names=names)


def _need_every_question(votes: VoteTable) -> None:
    known = set(votes.shares.columns)
    lacking = [name for name, q in GZ2_TREE.items() if not known.issuperset(q.columns())]
    if lacking:
        raise InputError(
            f"{votes.kind.name} did not ask all that Kaggle's 37 columns hold: it lacks "
            f"{', '.join(lacking)} of Galaxy Zoo 2. Choose another target."
        )


def _labelled(
    votes: VoteTable, allowed: Sequence[tuple[int, ...]], class_names: Sequence[str]
) -> pd.DataFrame:
    labels = ["|".join(class_names[index] for index in classes) for classes in allowed]
    table = pd.DataFrame({"filename": votes.names, "label": labels}, dtype=object)
    return table[table["label"] != ""].reset_index(drop=True)


def _named(column: str, names: Sequence[str], values: pd.DataFrame) -> pd.DataFrame:
    decided = (values > 0).any(axis=1)
    values.insert(0, column, list(names))
    return values[decided].reset_index(drop=True)
