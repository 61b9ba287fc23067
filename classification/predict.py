"""Classify images of single galaxies into a table of probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from ..files.names import printable
from ..imaging import read_field, to_rgb
from .class_names import class_slug
from .classifier import Classifier
from .crops import central_crop
from .votes import predict_votes, vote_columns

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.image_reader import ImageReader

__all__ = [
    "NOT_CLASSIFIED",
    "class_columns",
    "classify_images",
    "read_central_crops",
]

NOT_CLASSIFIED = -1
"""``class_id`` of objects that are not classified, such as stars."""


def class_columns(
    probabilities: NDArray[np.floating[Any]], class_names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return the classes of galaxies as columns of a table.

    Parameters
    ----------
    probabilities : ndarray, shape (N, C)
        Class probabilities of each galaxy; NaN if it was not classified.
    class_names : sequence of str
        The C classes.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        ``class_id, class_name, probability`` of the most probable class; ``second_class,
        second_probability`` of the next; ``entropy``, Shannon's of the probabilities over that of
        equal ones, 0 to 1; and ``prob_<class>`` of each class.  A galaxy that was not classified
        has the ``class_id`` -1, empty names and NaN.

    Examples
    --------
    >>> columns = class_columns(np.array([[0.5, 0.5, 0.0]]), ["round", "edge-on", "spiral"])
    >>> columns["class_name"].item(), columns["second_class"].item()
    ('round', 'edge-on')
    >>> round(columns["entropy"].item(), 3)
    0.631
    """
    names = np.array(class_names, dtype=str)
    known = ~np.isnan(probabilities).any(axis=1)
    ranks = np.argsort(-probabilities, axis=1, kind="stable")
    rows, best = np.arange(len(probabilities)), ranks[:, 0]
    # The only class of a classifier of one is certain, and there is no second one.
    several = len(names) > 1
    second = ranks[:, 1 if several else 0]
    columns = {
        "class_id": np.where(known, best, NOT_CLASSIFIED),
        "class_name": np.where(known, names[best], ""),
        "probability": probabilities[rows, best],
        "second_class": np.where(known & several, names[second], ""),
        "second_probability": np.where(several, probabilities[rows, second], np.nan),
        "entropy": entr(probabilities).sum(axis=1) / np.log(max(len(names), 2)),
    }
    for name, column in zip(class_names, probabilities.T, strict=True):
        columns[f"prob_{class_slug(name)}"] = column
    return columns


def read_central_crops(
    paths: Sequence[str | Path], classifier: Classifier, data_files: ImageReader | None = None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Read images of single galaxies, and crop them for a classifier.

    Parameters
    ----------
    paths : sequence of str or Path
        Image files with the galaxy at the centre.
    classifier : Classifier
        Defines size, margin and stretch.
    data_files : ImageReader, optional
        Reads images in data files and archives too, with the stretch of the classifier.

    Returns
    -------
    crops : ndarray of uint8, shape (N, S, S, 3)
        The crops.
    notes : list of str
        Notes on the reading, each with the path of its image.

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    size = classifier.input_size
    crops = np.empty((len(paths), size, size, 3), np.uint8)
    notes = []
    for crop, path in zip(crops, paths, strict=True):
        if data_files is None:
            field = read_field(path)
            rgb, found = to_rgb(field, classifier.stretch), field.notes
        else:
            rgb, found = data_files.with_notes(path)
        crop[:] = central_crop(rgb, size, classifier.crop_margin)
        notes += [f"{printable(str(path))}: {note}" for note in found]
    return crops, notes


def classify_images(
    paths: Iterable[str | Path], classifier: Classifier, data_files: ImageReader | None = None
) -> pd.DataFrame:
    """Classify images of single galaxies.

    Parameters
    ----------
    paths : iterable of str or Path
        Image files with the galaxy at the centre.
    classifier : Classifier
    data_files : ImageReader, optional
        As in `read_central_crops`.

    Returns
    -------
    DataFrame
        One row per image, in order: ``file``, the columns of `class_columns` and, if the classifier
        predicts votes, those of `~galpipe.classification.votes.vote_columns`.  Its
        ``attrs["notes"]`` lists the notes on the reading, such as that an image has no contrast.
        An image without contrast around its centre gets no class.

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    # Imported here because a run does not need pandas.
    import pandas as pd

    files = [str(path) for path in paths]
    crops, notes = read_central_crops(files, classifier, data_files)
    blank = (crops == crops[:, :1, :1]).all(axis=(1, 2, 3))
    if classifier.votes is None:
        probabilities, voted = classifier.predict(crops), {}
    else:
        votes, probabilities = predict_votes(classifier, crops)
        votes[blank] = np.nan
        voted = dict(zip(vote_columns(classifier.votes.answers), votes.T, strict=True))
    probabilities[blank] = np.nan
    columns = class_columns(probabilities, classifier.class_names) | voted
    table = pd.DataFrame({"file": pd.Series(map(printable, files), dtype=str), **columns})
    table.attrs["notes"] = notes
    return table
