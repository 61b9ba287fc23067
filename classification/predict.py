"""Classify images of single galaxies into a table of probabilities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..files.names import printable
from ..imaging import read_rgb
from .classifier import Classifier
from .crops import central_crop

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["class_slug", "classify_images", "read_central_crops"]


def class_slug(name: str) -> str:
    """Convert a class name to a part of a column name: lower case, words joined by ``_``.

    Parameters
    ----------
    name : str
        Name of a class.

    Examples
    --------
    >>> class_slug("In-between Round Smooth Galaxies")
    'in_between_round_smooth_galaxies'
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def read_central_crops(paths: Sequence[str | Path], classifier: Classifier) -> NDArray[np.uint8]:
    """Read images of single galaxies, and crop them for a classifier.

    Parameters
    ----------
    paths : sequence of str or Path
        Image files with the galaxy at the centre.
    classifier : Classifier
        Defines size, margin and stretch.

    Returns
    -------
    ndarray of uint8, shape (N, S, S, 3)

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    size = classifier.input_size
    crops = np.empty((len(paths), size, size, 3), np.uint8)
    for crop, path in zip(crops, paths, strict=True):
        rgb = read_rgb(path, classifier.stretch)
        crop[:] = central_crop(rgb, size, classifier.crop_margin)
    return crops


def classify_images(paths: Iterable[str | Path], classifier: Classifier) -> pd.DataFrame:
    """Classify images of single galaxies.

    Parameters
    ----------
    paths : iterable of str or Path
        Image files with the galaxy at the centre.
    classifier : Classifier

    Returns
    -------
    DataFrame
        One row per image, in order: ``file, class_id, class_name, probability`` of the most
        probable class, and ``prob_<class>`` for each class.

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    # Imported here because a run does not need pandas.
    import pandas as pd

    files = [str(path) for path in paths]
    probabilities = classifier.predict(read_central_crops(files, classifier))
    best = probabilities.argmax(axis=1)
    table = pd.DataFrame(
        {
            "file": pd.Series(map(printable, files), dtype=str),
            "class_id": best.astype(np.int64),
            "class_name": pd.Series([classifier.class_names[i] for i in best], dtype=str),
            "probability": probabilities[np.arange(len(files)), best],
        }
    )
    for name, column in zip(classifier.class_names, probabilities.T, strict=True):
        table[f"prob_{class_slug(name)}"] = column
    return table
