"""Multilayer perceptron with two hidden layers: trained with Keras, applied with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import require
from ...progress import Progress, silent, track

__all__ = ["HIDDEN", "MLP", "Batch", "fit_mlp"]

HIDDEN = 24
"""Number of units of each hidden layer."""

_RATE = 3e-3
# Variance of the initial weights times the number of inputs, per layer: He et al. (2015) for the
# hidden layers, and smaller for initial outputs near zero.
_GAINS = (2.0, 2.0, 0.06)

Batch = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Standardised features, and targets."""


@dataclass(frozen=True, eq=False)
class MLP:
    """Multilayer perceptron: standardisation, two hidden ReLU layers and a linear output layer.

    Attributes
    ----------
    parameters : tuple of ndarray
        Mean and standard deviation of the features, then kernel and bias of three layers.
    """

    parameters: tuple[NDArray[np.float64], ...]

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the outputs of the network.

        Parameters
        ----------
        features : ndarray of float64, shape (..., features)

        Returns
        -------
        ndarray of float64, shape (..., outputs)
        """
        mean, deviation, *layers = self.parameters
        values = (features - mean) / deviation
        for kernel, bias in ((layers[0], layers[1]), (layers[2], layers[3])):
            values = np.maximum(values @ kernel + bias, 0)
        return np.asarray(values @ layers[4] + layers[5])

    def to_lists(self) -> list[Any]:
        """Return the parameters as nested lists, rounded to six decimals."""
        return [np.round(array, 6).tolist() for array in self.parameters]

    @classmethod
    def from_lists(cls, lists: Any, features: int, outputs: int) -> MLP:
        """Read the parameters from untrusted JSON.

        Parameters
        ----------
        lists : object
            From :meth:`to_lists`.
        features, outputs : int
            Required numbers of inputs and outputs.

        Raises
        ------
        ValueError
            If the lists are not valid parameters.
        """
        try:
            arrays = tuple(np.array(array, dtype=np.float64) for array in lists)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"not lists of numbers: {error}") from error
        shapes = (
            *((features,), (features,)),
            *((features, HIDDEN), (HIDDEN,)),
            *((HIDDEN, HIDDEN), (HIDDEN,)),
            *((HIDDEN, outputs), (outputs,)),
        )
        if tuple(array.shape for array in arrays) != shapes:
            raise ValueError("arrays of wrong shapes")
        if not all(np.isfinite(array).all() for array in arrays) or not (arrays[1] > 0).all():
            raise ValueError("numbers out of range")
        return cls(arrays)


def fit_mlp(
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    draw: Callable[[np.random.Generator], Batch],
    loss: Callable[[Any, Any], Any],
    *,
    outputs: int,
    decay: float,
    steps: int,
    seed: int,
    progress: Progress = silent,
) -> MLP:
    """Train a network from random weights, with AdamW and cosine decay.

    Parameters
    ----------
    mean, deviation : ndarray of float64, shape (features,)
        Mean and standard deviation of the features.
    draw : callable
        Function of a random generator that returns one batch.
    loss : callable
        Keras loss: function of targets and outputs that returns the loss of each example.
    outputs : int
        Number of outputs.
    decay : float
        Weight decay, in units of the learning rate (Loshchilov and Hutter 2019).
    steps : int
        Number of batches.
    seed : int
        Seed of the initial weights and of the batches.
    progress : Progress
        Receives the steps.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.
    """
    keras = require("keras", "train")
    rng = np.random.default_rng(seed)
    sizes = (HIDDEN, HIDDEN, outputs)
    layers = [
        keras.layers.Dense(
            units,
            activation="relu" if number < 2 else None,
            kernel_initializer=keras.initializers.VarianceScaling(
                gain, "fan_in", "untruncated_normal", seed=int(rng.integers(2**31))
            ),
            dtype="float32",
        )
        for number, (units, gain) in enumerate(zip(sizes, _GAINS, strict=True))
    ]
    features, targets = draw(rng)
    model = keras.Sequential([keras.Input(features.shape[1:]), *layers])
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    # Compiling to XLA takes longer than training.
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=decay, beta_2=0.99), loss, jit_compile=False
    )
    for _ in track(range(steps), "training", progress):
        model.train_on_batch(features.astype(np.float32), targets.astype(np.float32))
        features, targets = draw(rng)
    weights = [np.asarray(array, dtype=np.float64) for array in model.get_weights()]
    return MLP((mean, deviation, *weights))
