"""Histograms of the objects of a run by class, counted field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SHARE_EDGES", "SIZE_EDGES", "Histograms"]

SHARE_EDGES = tuple(number / 20 for number in range(21))
"""Edges of the bins of probabilities and scores."""
SIZE_EDGES = tuple(round(2 ** (number / 2), 1) for number in range(4, 25))
"""Edges of the bins of sizes in pixels; the last bin also holds what is larger."""


@dataclass
class Histograms:
    """Numbers of objects by class, in bins.

    Attributes
    ----------
    sizes : dict of int to ndarray of int64
        Of each class, the longer sides of the boxes in bins of `SIZE_EDGES`.
    shares : dict of int to ndarray of int64
        Of each class, the probabilities in bins of `SHARE_EDGES`; the scores of a detection.
    """

    sizes: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    shares: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, rows: Mapping[str, ArrayLike], classes: NDArray[np.int64]) -> None:
        """Count objects.

        Parameters
        ----------
        rows : mapping of str to array_like, shape (N,)
            Columns of the catalogue.
        classes : ndarray of int64, shape (N,)
            The number of the class of each object.
        """
        values = {name: np.asarray(column, dtype=float) for name, column in _chosen(rows).items()}
        sides = np.maximum(values["xmax"] - values["xmin"], values["ymax"] - values["ymin"])
        # Rounded as the column is, so that the counts are those of the catalogue.
        shares = np.round(values.get("probability", values["score"]), 4)
        for number in set(classes.tolist()):
            chosen = classes == number
            _count(self.sizes, number, np.round(sides[chosen], 2), SIZE_EDGES)
            _count(self.shares, number, shares[chosen], SHARE_EDGES)

    def total(self, number: int) -> int:
        """Return the number of objects of a class.

        Parameters
        ----------
        number : int
            Number of the class.
        """
        return int(self.sizes[number].sum()) if number in self.sizes else 0


def _chosen(rows: Mapping[str, Any]) -> dict[str, Any]:
    names = ("xmin", "ymin", "xmax", "ymax", "score", "probability")
    return {name: rows[name] for name in names if name in rows}


def _count(
    counts: dict[int, NDArray[np.int64]],
    number: int,
    values: NDArray[np.float64],
    edges: tuple[float, ...],
) -> None:
    known = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
    found, _ = np.histogram(known, edges)
    counts[number] = counts.get(number, 0) + found
