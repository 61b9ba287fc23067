"""The weights of an ensemble's members: the best ones on validation images."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from keras import ops
from numpy.typing import NDArray

from ...datasets.labels import Labels
from .losses import allowed_set_accuracy, allowed_set_loss

__all__ = ["search_weights", "weight_grid"]

STEPS = 10
"""A weight is a whole number of tenths."""

_AT_ONCE = 1_000_000
"""Probabilities of ensembles held in memory at a time."""


def search_weights(probabilities: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """Try all weights of 0, 0.1 ... 1 that sum to 1 and return the best.

    The best has the highest accuracy (:func:`~.losses.allowed_set_accuracy`); of equally good ones
    the lowest mean loss (:func:`~.losses.allowed_set_loss`).

    Parameters
    ----------
    probabilities : ndarray of float32, shape (M, N, C)
        What each of M members gives for N validation images, N at least 1.
    labels : Labels
        Their labels.

    Returns
    -------
    ndarray of float64, shape (M,)
        The weights; a member may get none.
    """
    grid = weight_grid(len(probabilities))
    targets = labels.to_targets()
    size = max(_AT_ONCE // labels.values.size, 1)
    accuracies: list[NDArray[np.float64]] = []
    losses: list[NDArray[np.float64]] = []
    for start in range(0, len(grid), size):
        some = grid[start : start + size]
        mixed = np.tensordot(some.astype(np.float32), probabilities, axes=1)
        repeated = np.tile(targets, (len(some), 1))
        given = mixed.reshape(-1, labels.num_classes)
        for collected, measure in (
            (accuracies, allowed_set_accuracy),
            (losses, allowed_set_loss),
        ):
            values = ops.convert_to_numpy(measure(repeated, given))
            collected.append(values.reshape(len(some), -1).mean(axis=1, dtype=np.float64))
    best = np.lexsort((np.concatenate(losses), -np.concatenate(accuracies)))[0]
    return grid[best]


def weight_grid(members: int) -> NDArray[np.float64]:
    """Return all weights of 0, 0.1 ... 1 that sum to 1, shape (combinations, members)."""
    # Stars and bars: bars among the tenths divide them between the members.
    places = STEPS + members - 1
    bars = np.array(list(combinations(range(places), members - 1)), dtype=np.int64)
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, places)))
    return (np.diff(edges, axis=1) - 1) / STEPS
