"""Train a small network: Adam on a loss whose slope is given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .mlp import HIDDEN, MLP

__all__ = ["Batch", "fit_mlp", "gradients"]

_STEPS, _RATE = 2500, 3e-3
_FIRST_GAIN, _LAST_GAIN = 2.0, 0.06

Arrays = list[NDArray[np.float64]]
Batch = tuple[NDArray[np.float64], Callable[[NDArray[np.float64]], NDArray[np.float64]]]
"""Features, and what turns the network's outputs for them into the slope of the loss there."""


def fit_mlp(
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    outputs: int,
    draw: Callable[[np.random.Generator], Batch],
    seed: int,
    decay: float,
) -> MLP:
    """Train a network from random weights.

    Parameters
    ----------
    mean, deviation : ndarray, shape (features,)
        Of the features.
    outputs : int
    draw : callable
        Returns a batch: standardised features, and the slope of its loss by the outputs.
    seed : int
    decay : float
        Weight decay, of the learning rate.
    """
    rng = np.random.default_rng(seed)
    sizes = (len(mean), HIDDEN, HIDDEN, outputs)
    gains = (_FIRST_GAIN, _FIRST_GAIN, _LAST_GAIN)
    parameters: Arrays = []
    for rows, columns, gain in zip(sizes[:-1], sizes[1:], gains, strict=True):
        parameters += [rng.normal(0, np.sqrt(gain / rows), (rows, columns)), np.zeros(columns)]
    first, second = ([np.zeros_like(array) for array in parameters] for _ in range(2))
    for step in range(_STEPS):
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / _STEPS))
        # Adam with decoupled weight decay (Loshchilov and Hutter 2019).
        for place, gradient in enumerate(gradients(parameters, *draw(rng))):
            first[place] = 0.9 * first[place] + 0.1 * gradient
            second[place] = 0.99 * second[place] + 0.01 * gradient**2
            momentum = first[place] / (1 - 0.9 ** (step + 1))
            scale = np.sqrt(second[place] / (1 - 0.99 ** (step + 1))) + 1e-7
            parameters[place] = parameters[place] - rate * (
                momentum / scale + decay * parameters[place]
            )
    return MLP((mean, deviation, *parameters))


def gradients(
    parameters: Arrays,
    features: NDArray[np.float64],
    slope: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Arrays:
    """Return the gradients of a loss by kernels and biases, from its slope by the outputs."""
    kernel1, bias1, kernel2, bias2, kernel3, bias3 = parameters
    hidden1 = np.maximum(features @ kernel1 + bias1, 0)
    hidden2 = np.maximum(hidden1 @ kernel2 + bias2, 0)
    to_outputs = slope(hidden2 @ kernel3 + bias3)
    to_hidden2 = (to_outputs @ kernel3.T) * (hidden2 > 0)
    to_hidden1 = (to_hidden2 @ kernel2.T) * (hidden1 > 0)
    found: Arrays = []
    for values, above in ((features, to_hidden1), (hidden1, to_hidden2), (hidden2, to_outputs)):
        flat = above.reshape(-1, above.shape[-1])
        found += [values.reshape(-1, values.shape[-1]).T @ flat, flat.sum(axis=0)]
    return found
