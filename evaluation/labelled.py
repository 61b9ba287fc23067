"""The images to measure a classifier on: whatever a training reads."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ..annotations.classes import GALAXY10_DECALS
from ..configs import ClassifierData
from ..datasets.galaxy10 import GALAXY10_SETS, Galaxy10File
from ..errors import ConfigError, InputError

__all__ = ["labelled_source"]

_CLASSES = {"votes": GALAXY10_DECALS, "vote_probabilities": GALAXY10_DECALS} | {
    name: known.class_names for name, known in GALAXY10_SETS.items()
}


def labelled_source(
    images: str | Path,
    labels: str | Path | None,
    kind: str | None,
    annotations: str | Path | None,
    class_names: Sequence[str],
) -> ClassifierData:
    """Return labelled images as a source of a training, to be read as there.

    Parameters
    ----------
    images : path
        Folder of images, folder of a folder for each class, or HDF5 file of Galaxy10.
    labels : path, optional
        The table of the labels, where they are not in `images`.
    kind : str, optional
        What labels them, as in `ClassifierData`; by default what the files look like, and of Galaxy
        Zoo votes the classes that they leave open.
    annotations : path, optional
        File or folder of boxes, in any annotation format.
    class_names : sequence of str
        The classes of the model.

    Raises
    ------
    ConfigError
        If `kind` or `annotations` do not go with the files that are given.
    InputError
        If the table cannot be read, or the labels mean other classes than the model's.
    """
    kind = kind or _recognise(images, labels, class_names)
    meant = _CLASSES.get(kind)
    if meant is not None and tuple(class_names) != meant:
        raise InputError(
            f"{labels or images}: labels of kind {kind!r} mean the classes {', '.join(meant)}; "
            f"the model has {', '.join(class_names)}"
        )
    try:
        return ClassifierData.model_validate(
            {"images": images, "labels": labels, "kind": kind, "annotations": annotations}
        )
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{images}: {fault}") from error


def _recognise(images: str | Path, labels: str | Path | None, class_names: Sequence[str]) -> str:
    if Path(images).is_file():
        with Galaxy10File(images) as file:
            return next(name for name, known in GALAXY10_SETS.items() if known is file.known)
    if labels is None:
        return "folders"
    header = _header(Path(labels))
    if "label" in header:
        return "labels"
    return "probabilities" if header.issuperset(class_names) else "votes"


def _header(table: Path) -> set[str]:
    """Return the columns of a CSV; none of a table in another format."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            return set(next(csv.reader(lines), []))
    except (UnicodeDecodeError, csv.Error):
        return set()
    except OSError as error:
        raise InputError(f"{table}: cannot be read: {error.strerror or error}") from error
