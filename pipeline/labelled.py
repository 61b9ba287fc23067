"""The images to measure a classifier on: whatever a training reads."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ..annotations import LabelledImage
from ..annotations.classes import GALAXY10_DECALS
from ..classification.dataset import read_labels
from ..classification.galaxy10 import Galaxy10File
from ..classification.galaxy10_sets import GALAXY10_SETS
from ..configs import ClassifierData
from ..errors import ConfigError, InputError
from ..models import Classifier

__all__ = ["only_held_back", "read_labelled", "warn_of_trained_on"]

logger = logging.getLogger("galpipe")

_CLASSES = {"votes": GALAXY10_DECALS, "vote_probabilities": GALAXY10_DECALS} | {
    name: known.class_names for name, known in GALAXY10_SETS.items()
}


def read_labelled(
    images: str | Path,
    labels: str | Path | None,
    kind: str | None,
    class_names: Sequence[str],
) -> list[LabelledImage]:
    """Read labelled images.

    Parameters
    ----------
    images : path
        Folder of images, folder of a folder for each class, or HDF5 file of Galaxy10.
    labels : path, optional
        The table of the labels, where they are not in `images`.
    kind : str, optional
        What labels them, as in `ClassifierData`; by default what the files look like, and of Galaxy
        Zoo votes the classes that they leave open.
    class_names : sequence of str
        The classes of the model.

    Raises
    ------
    ConfigError
        If `kind` does not go with the files that are given.
    InputError
        If something cannot be read, or the labels mean other classes than the model's.
    """
    kind = kind or _recognise(images, labels, class_names)
    meant = _CLASSES.get(kind)
    if meant is not None and tuple(class_names) != meant:
        raise InputError(
            f"{labels or images}: labels of kind {kind!r} mean the classes {', '.join(meant)}; "
            f"the model has {', '.join(class_names)}"
        )
    try:
        data = ClassifierData.model_validate({"images": images, "labels": labels, "kind": kind})
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{images}: {fault}") from error
    return read_labels(data, class_names)


def only_held_back(
    labelled: Sequence[LabelledImage], classifiers: Sequence[Classifier]
) -> list[LabelledImage]:
    """Return the images that the training of every classifier held back for its test.

    Raises
    ------
    InputError
        If a classifier does not say what it held back, or that is none of the images.
    """
    kept = list(labelled)
    for classifier in classifiers:
        held_back = _held_back(classifier)
        if not held_back:
            raise InputError(
                f"{classifier.bundle.path}: does not say which images its training held back"
            )
        kept = [image for image in kept if image.path.name in held_back]
    if not kept:
        raise InputError("none of the images was held back by the training of every model")
    return kept


def warn_of_trained_on(
    labelled: Sequence[LabelledImage], classifiers: Sequence[Classifier]
) -> None:
    """Warn where some of the images, but not all, were held back by the training of a model."""
    names = {image.path.name for image in labelled}
    for classifier in classifiers:
        known = len(names & _held_back(classifier))
        if 0 < known < len(names):
            logger.warning(
                "%s: its training held %d of the %d images back, and may have seen the others; "
                "--held-back measures on those %d alone",
                classifier.bundle.manifest.name,
                known,
                len(names),
                known,
            )


def _held_back(classifier: Classifier) -> set[str]:
    names = classifier.bundle.manifest.data.get("test")
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


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
