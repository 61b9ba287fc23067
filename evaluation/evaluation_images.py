"""Labelled images for the evaluation of classifiers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ..annotations.classes import GALAXY10_DECALS
from ..configs import ClassifierData, ClassMap
from ..datasets.galaxy10 import GALAXY10_SETS, Galaxy10File
from ..datasets.image_archive import find_images, is_archive
from ..errors import ConfigError, InputError
from ..files.file_types import check_regular
from ..files.tables import column_names, read_columns

__all__ = ["labelled_source", "read_surveys"]

_SURVEY = "survey"
_FILES = ("filename", "file")

_CLASSES = {"votes": GALAXY10_DECALS, "vote_probabilities": GALAXY10_DECALS} | {
    name: known.class_names for name, known in GALAXY10_SETS.items()
}


def labelled_source(
    images: str | Path,
    labels: str | Path | None,
    kind: str | None,
    annotations: str | Path | None,
    classes: ClassMap,
) -> ClassifierData:
    """Describe labelled images as a source of data, as in the configuration of a training.

    Parameters
    ----------
    images : path
        Folder or ZIP archive of images, folder with a subfolder per class, or HDF5 file of
        Galaxy10.
    labels : path, optional
        Table of the labels, unless they are in `images`.
    kind : str, optional
        Kind of the labels, as in `ClassifierData`; by default inferred from the files.
    annotations : path, optional
        File or folder of boxes, in any annotation format.
    classes : ClassMap
        Classes of the labels and of the model.

    Raises
    ------
    ConfigError
        If `kind` or `annotations` do not match the files.
    InputError
        If the table cannot be read, or the classes of labels and model differ.
    """
    kind = kind or _infer_kind(images, labels, classes)
    labelled_classes = _CLASSES.get(kind)
    if labelled_classes is not None and classes.labelled != labelled_classes:
        raise InputError(
            f"{labels or images}: labels of kind {kind!r} have the classes "
            f"{', '.join(labelled_classes)}; the model was trained on {', '.join(classes.labelled)}"
        )
    try:
        return ClassifierData.model_validate(
            {"images": images, "labels": labels, "kind": kind, "annotations": annotations}
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{images}: {reason}") from error


def read_surveys(data: ClassifierData, paths: Sequence[Path]) -> list[str]:
    """Read the survey of each image from the column ``survey`` of the table of labels.

    Parameters
    ----------
    data : ClassifierData
        The images and their table.
    paths : sequence of Path
        Images that the table names.

    Returns
    -------
    list of str
        Empty names where the table has no such column or no value.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    unknown = [""] * len(paths)
    if data.labels is None or _SURVEY not in column_names(data.labels):
        return unknown
    wanted = (*_FILES, _SURVEY)
    columns = read_columns(data.labels, lambda names: [name for name in names if name in wanted])
    file = next((name for name in _FILES if name in columns.names), None)
    if file is None:
        return unknown
    found = find_images(columns.texts(file), data.images)
    surveys = {
        path: survey.strip()
        for path, survey in zip(found, columns.texts(_SURVEY), strict=True)
        if path is not None
    }
    return [surveys.get(path, "") for path in paths]


def _infer_kind(images: str | Path, labels: str | Path | None, classes: ClassMap) -> str:
    """Infer the kind of labels from the files."""
    if Path(images).is_file() and not is_archive(Path(images)):
        with Galaxy10File(images) as file:
            return next(name for name, known in GALAXY10_SETS.items() if known is file.known)
    if labels is None:
        return "folders"
    header = _header(Path(labels))
    if "label" in header:
        return "labels"
    named = any(header.issuperset(names) for names in (classes.labelled, classes.class_names))
    return "probabilities" if named else "votes"


def _header(table: Path) -> set[str]:
    """Return the columns of a CSV file; empty for other formats."""
    check_regular(table)
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            return set(next(csv.reader(lines), []))
    except (UnicodeDecodeError, csv.Error):
        return set()
    except OSError as error:
        raise InputError(f"{table}: cannot be read: {error.strerror or error}") from error
