"""Draw the galaxies that a classifier takes for another class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files.report import Table
from ..imaging import contact_sheet

__all__ = ["Misclassified", "draw_misclassified", "misclassified_table", "worst_misclassified"]

_MOST_SHOWN = 24
_COLUMNS = 6


@dataclass(frozen=True)
class Misclassified:
    """A galaxy whose most probable class is not the labelled one.

    Attributes
    ----------
    image : int
        Index of the image.
    name : str
        Its file name.
    true, given : str
        The labelled and the most probable class.
    probability, true_probability : float
        Probabilities of the given and of the labelled class.
    """

    image: int
    name: str
    true: str
    given: str
    probability: float
    true_probability: float


def worst_misclassified(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    class_names: Sequence[str],
    paths: Sequence[Path],
) -> list[Misclassified]:
    """Return the galaxies with a wrong class, the most probable wrong class first.

    Parameters
    ----------
    truth : ndarray of int64, shape (N,)
        Labelled classes.
    probabilities : ndarray of float32, shape (N, C)
        Predicted probabilities.
    class_names : sequence of str
        The classes in order.
    paths : sequence of Path
        The images.

    Returns
    -------
    list of Misclassified
        At most 24.
    """
    given = probabilities.argmax(axis=1)
    highest = probabilities.max(axis=1)
    wrong = np.flatnonzero(given != truth)
    worst = wrong[np.argsort(-highest[wrong], kind="stable")][:_MOST_SHOWN]
    return [
        Misclassified(
            index,
            paths[index].name,
            class_names[truth[index]],
            class_names[given[index]],
            float(highest[index]),
            float(probabilities[index, truth[index]]),
        )
        for index in worst.tolist()
    ]


def draw_misclassified(
    mistakes: Sequence[Misclassified], crop: Callable[[int], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Draw a contact sheet, each galaxy with its number and both classes with probabilities.

    Parameters
    ----------
    mistakes : sequence of Misclassified
        At least one; numbered from 1.
    crop : callable
        Returns the crop of the image of an index, uint8 of shape (S, S, 3).

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    captions = [
        f"{number}: {one.probability:.2f} {_short(one.given)}\n"
        f"true: {one.true_probability:.2f} {_short(one.true)}"
        for number, one in enumerate(mistakes, 1)
    ]
    pictures = [crop(one.image) for one in mistakes]
    return contact_sheet(pictures, captions, min(_COLUMNS, len(pictures)))


def misclassified_table(mistakes: Sequence[Misclassified]) -> Table:
    """Return a row for each galaxy of the contact sheet.

    Parameters
    ----------
    mistakes : sequence of Misclassified
    """
    rows = [
        [
            str(number),
            one.name,
            one.true,
            one.given,
            f"{one.probability:.2f}",
            f"{one.true_probability:.2f}",
        ]
        for number, one in enumerate(mistakes, 1)
    ]
    header = ["", "image", "labelled", "given", "probability", "probability of the label"]
    return Table(header, rows)


def _short(name: str) -> str:
    """Return the name of a class for a narrow caption."""
    return name.replace(" Galaxies", "")
