"""Calibration of class probabilities, as stored in the manifest of a classifier."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, model_validator
from scipy.special import softmax

from ..configs.section import Section

__all__ = [
    "SMALLEST_PROBABILITY",
    "ClassCalibration",
    "DirichletCalibration",
    "TemperatureScaling",
    "log_probabilities",
]

SMALLEST_PROBABILITY = 1e-7
"""Lower limit of probabilities in logarithms, as in the cross-entropies of Keras."""


class TemperatureScaling(Section):
    """Temperature scaling: the logarithms of the probabilities are divided by a number.

    A temperature below 1 makes probabilities more decided, one above 1 less.  The order of the
    classes is kept (Guo et al. 2017, "On calibration of modern neural networks", ICML).
    """

    method: Literal["temperature"] = "temperature"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for any."""
        return None

    def calibrate(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities.

        Parameters
        ----------
        probabilities : ndarray, shape (N, C)
            Probabilities of the classes.

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        return np.asarray(softmax(log_probabilities(probabilities) / self.temperature, axis=1))


class DirichletCalibration(Section):
    """Dirichlet calibration: a linear map of the logarithms of the probabilities, then softmax.

    It can also correct classes that are confused with each other, and may change the most probable
    class (Kull et al. 2019, "Beyond temperature scaling", NeurIPS).  ``weights`` has a row for each
    calibrated class.
    """

    method: Literal["dirichlet"] = "dirichlet"
    weights: tuple[tuple[FiniteFloat, ...], ...]
    bias: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _square(self) -> DirichletCalibration:
        count = len(self.bias)
        if len(self.weights) != count or any(len(row) != count for row in self.weights):
            raise ValueError("the weights must be square, with a bias for each class")
        return self

    @property
    def num_classes(self) -> int | None:
        """Number of classes."""
        return len(self.bias)

    def calibrate(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities.

        Parameters
        ----------
        probabilities : ndarray, shape (N, C)
            Probabilities of the classes.

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        logits = log_probabilities(probabilities) @ np.array(self.weights).T + np.array(self.bias)
        return np.asarray(softmax(logits, axis=1))


ClassCalibration: TypeAlias = Annotated[
    TemperatureScaling | DirichletCalibration, Field(discriminator="method")
]
"""Calibration of the probabilities of a classifier."""


def log_probabilities(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities, kept finite at 0.

    Parameters
    ----------
    probabilities : ndarray
        Of any shape.
    """
    return np.asarray(
        np.log(np.clip(np.asarray(probabilities, np.float64), SMALLEST_PROBABILITY, 1))
    )
