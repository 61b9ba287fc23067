"""Classify images of single galaxies: crops in, a table out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..imaging import cut_crop, read_field, to_rgb
from .classifier import Classifier
from .locate import central_box

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CROP_MARGIN", "central_crop", "class_slug", "classify_images", "read_central_crops"]

CROP_MARGIN = 1.5
"""Side of the square crop over the longer side of the galaxy's box."""


def class_slug(name: str) -> str:
    """Return the class name as the end of a column name: lower case, words joined by ``_``.

    >>> class_slug("In-between Round Smooth Galaxies")
    'in_between_round_smooth_galaxies'
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def central_crop(
    rgb: NDArray[np.uint8], size: int, margin: float = CROP_MARGIN
) -> NDArray[np.uint8]:
    """Return the galaxy at the centre of a picture, as the run crops a detected one.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        Picture with the galaxy at its centre.
    size : int
        Side of the result in pixels.
    margin : float
        Side of the crop over the longer side of the galaxy, found by its isophote.  The crop never
        exceeds the largest centred square of the picture, which it is where no galaxy stands out.
    """
    height, width = rgb.shape[:2]
    box = central_box(rgb)
    if margin * max(box[2] - box[0], box[3] - box[1]) >= min(height, width):
        half = min(height, width) / 2
        box = np.array([width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half])
        margin = 1.0
    return cut_crop(rgb, box, margin, size)


def read_central_crops(paths: Sequence[str | Path], classifier: Classifier) -> NDArray[np.uint8]:
    """Read images of single galaxies as a classifier takes them, uint8 (N, S, S, 3).

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    size = classifier.input_size
    crops = np.empty((len(paths), size, size, 3), np.uint8)
    for crop, path in zip(crops, paths, strict=True):
        crop[:] = central_crop(to_rgb(read_field(path), classifier.bundle.manifest.stretch), size)
    return crops


def classify_images(paths: Iterable[str | Path], classifier: Classifier) -> pd.DataFrame:
    """Say of images of single galaxies what kind each one is.

    Parameters
    ----------
    paths : iterable of path
        Pictures or FITS files, the galaxy at the centre.
    classifier : Classifier
        The classifier.

    Returns
    -------
    DataFrame
        One row an image, in order: ``file, class_id, class_name, probability`` of the most probable
        class, and ``prob_<class>`` for each class.

    Raises
    ------
    InputError
        If an image cannot be read; the message names it.
    """
    # A run needs no table of this kind, and starts sooner without pandas.
    import pandas as pd

    files = [str(path) for path in paths]
    probabilities = classifier.predict(read_central_crops(files, classifier))
    best = probabilities.argmax(axis=1)
    table = pd.DataFrame(
        {
            "file": pd.Series(files, dtype=str),
            "class_id": best.astype(np.int64),
            "class_name": pd.Series([classifier.class_names[i] for i in best], dtype=str),
            "probability": probabilities[np.arange(len(files)), best],
        }
    )
    for name, column in zip(classifier.class_names, probabilities.T, strict=True):
        table[f"prob_{class_slug(name)}"] = column
    return table
