"""A network of two hidden layers, small enough to be written down as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIDDEN", "MLP"]

HIDDEN = 24
"""Units of each hidden layer."""


@dataclass(frozen=True, eq=False)
class MLP:
    """Two hidden layers of rectified units on standardised features, and a linear layer.

    Attributes
    ----------
    parameters : tuple of ndarray
        Mean and deviation of the features, then kernel and bias of three layers.
    """

    parameters: tuple[NDArray[np.float64], ...]

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the outputs, shape (..., outputs), for features of shape (..., features)."""
        mean, deviation, *layers = self.parameters
        values = (features - mean) / deviation
        for kernel, bias in ((layers[0], layers[1]), (layers[2], layers[3])):
            values = np.maximum(values @ kernel + bias, 0)
        return np.asarray(values @ layers[4] + layers[5])

    def to_lists(self) -> list[Any]:
        """Return the parameters as JSON holds them."""
        return [np.round(array, 6).tolist() for array in self.parameters]

    @classmethod
    def from_lists(cls, lists: Any, features: int, outputs: int) -> MLP:
        """Read what :meth:`to_lists` returned, of untrusted JSON.

        Raises
        ------
        ValueError
            If it is anything else, or a network of other features or outputs.
        """
        try:
            arrays = tuple(np.array(array, dtype=np.float64) for array in lists)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"holds no lists of numbers: {error}") from error
        shapes = (
            *((features,), (features,)),
            *((features, HIDDEN), (HIDDEN,)),
            *((HIDDEN, HIDDEN), (HIDDEN,)),
            *((HIDDEN, outputs), (outputs,)),
        )
        if tuple(array.shape for array in arrays) != shapes:
            raise ValueError("holds lists of another shape than a refinement has")
        if not all(np.isfinite(array).all() for array in arrays) or not (arrays[1] > 0).all():
            raise ValueError("holds numbers that a refinement cannot have")
        return cls(arrays)
