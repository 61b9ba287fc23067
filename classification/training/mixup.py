"""Blend views and their labels in pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...datasets.labels import Labels

__all__ = ["mix"]


def mix(
    rng: np.random.Generator,
    inputs: NDArray[np.float32],
    labels: Labels,
    weights: NDArray[np.float32],
    alpha: float,
) -> tuple[NDArray[np.float32], Labels, NDArray[np.float32]]:
    """Return a batch with each view blended with another one's (mixup, Zhang et al. 2018).

    The loss of a blend of shares ``s`` and ``1 - s`` is the sum of both losses with these shares.
    This holds of probabilities only: a view whose label is a set of classes stays as it is.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    inputs : ndarray of float32, shape (N, ...)
        Views.
    labels : Labels
        Their N labels.
    weights : ndarray of float32, shape (N,)
        What each counts in the loss, more than 0.
    alpha : float
        Both parameters of the beta distribution that the shares are drawn from, more than 0.

    Returns
    -------
    inputs, labels, weights
        Of the same shapes.
    """
    first = np.flatnonzero(~labels.is_set)
    second = rng.permutation(first)
    share = rng.beta(alpha, alpha, len(first)).astype(np.float32)
    inputs, values, weights = inputs.copy(), labels.values.copy(), weights.copy()
    beside = share.reshape(-1, *[1] * (inputs.ndim - 1))
    inputs[first] = beside * inputs[first] + (1 - beside) * inputs[second]
    one, other = share * weights[first], (1 - share) * weights[second]
    # The cross-entropy is linear in the label, so weight and label together say both losses.
    values[first] = (one[:, None] * values[first] + other[:, None] * values[second]) / (
        one + other
    )[:, None]
    weights[first] = one + other
    return inputs, Labels(values, labels.is_set), weights
