"""Search for the weights of ensemble members on validation images."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from keras import ops
from numpy.typing import NDArray

from ...datasets.labels import Labels
from .losses import allowed_set_accuracy, allowed_set_loss

__all__ = ["search_weights", "weight_grid"]

STEPS = 10
"""Weights are multiples of ``1 / STEPS``."""

_BATCH = 1_000_000
"""Largest number of ensemble probabilities in memory."""


def search_weights(probabilities: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """Search the best weights among all combinations of 0, 0.1, ..., 1 that sum to 1.

    The best weights have the highest accuracy (:func:`~.losses.allowed_set_accuracy`); ties are
    broken by the lowest mean loss (:func:`~.losses.allowed_set_loss`).

    Parameters
    ----------
    probabilities : ndarray of float32, shape (M, N, C)
        Probabilities of each of M members for N validation images, N at least 1.
    labels : Labels
        Labels of the N images.

    Returns
    -------
    ndarray of float64, shape (M,)
        Some weights may be zero.
    """
    grid = weight_grid(len(probabilities))
    targets = labels.to_targets()
    size = max(_BATCH // labels.values.size, 1)
    accuracies: list[NDArray[np.float64]] = []
    losses: list[NDArray[np.float64]] = []
    for start in range(0, len(grid), size):
        weights = grid[start : start + size].astype(np.float32)
        mixed = np.tensordot(weights, probabilities, axes=1).reshape(-1, labels.num_classes)
        repeated = np.tile(targets, (len(weights), 1))
        for collected, measure in (
            (accuracies, allowed_set_accuracy),
            (losses, allowed_set_loss),
        ):
            values = ops.convert_to_numpy(measure(repeated, mixed))
            collected.append(values.reshape(len(weights), -1).mean(axis=1, dtype=np.float64))
    best = np.lexsort((np.concatenate(losses), -np.concatenate(accuracies)))[0]
    weights_of_best: NDArray[np.float64] = grid[best]
    return weights_of_best


def weight_grid(members: int) -> NDArray[np.float64]:
    """Return all combinations of weights 0, 0.1, ..., 1 that sum to 1.

    Parameters
    ----------
    members : int
        Number of members M.

    Returns
    -------
    ndarray of float64, shape (combinations, M)

    Examples
    --------
    >>> weight_grid(2)[:3]
    array([[0. , 1. ],
           [0.1, 0.9],
           [0.2, 0.8]])
    """
    # Stars and bars: all ways to divide the steps among the members.
    places = STEPS + members - 1
    bars = np.array(list(combinations(range(places), members - 1)), dtype=np.int64)
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, places)))
    return (np.diff(edges, axis=1) - 1) / STEPS
