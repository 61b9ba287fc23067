"""Fit the calibration of a classifier's probabilities on validation images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from ...models.class_calibration import (
    ClassCalibration,
    DirichletCalibration,
    TemperatureScaling,
    log_probabilities,
)
from ..priors import prior_ratio

__all__ = ["FittedCalibration", "fit_calibration"]

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Penalties of the Dirichlet calibration to choose from."""

FOLDS = 5
"""Folds of the cross-validation that chooses the method."""

_COLDEST, _HOTTEST = 0.05, 20.0
_DIGITS = 5

_Fit = Callable[["_Sample"], ClassCalibration]


@dataclass(frozen=True)
class FittedCalibration:
    """A calibration, and how it was chosen.

    Attributes
    ----------
    calibration : TemperatureScaling or DirichletCalibration
        Fitted to all images.
    images : int
        Number of images.
    log_loss : dict of str to float
        Mean log loss of ``none`` and each method, cross-validated.
    """

    calibration: ClassCalibration
    images: int
    log_loss: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the method, the number of images and the losses as plain values."""
        return {
            "method": self.calibration.method,
            "images": self.images,
            "log_loss": {name: round(loss, 4) for name, loss in self.log_loss.items()},
        }


@dataclass(frozen=True)
class _Sample:
    """N probabilities over C classes with true classes and weights of mean 1."""

    probabilities: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    weights: NDArray[np.float64]

    def only(self, rows: NDArray[np.bool_]) -> _Sample:
        weights = self.weights[rows]
        return _Sample(self.probabilities[rows], self.class_ids[rows], weights / weights.mean())

    @property
    def targets(self) -> NDArray[np.float64]:
        """Probabilities to fit, shape (N, C): those of one image more, of an unknown class."""
        count, classes = self.probabilities.shape
        certain = np.eye(classes)[self.class_ids]
        return np.asarray((count * certain + 1 / classes) / (count + 1))

    def losses(self, calibration: ClassCalibration | None) -> NDArray[np.float64]:
        """Weighted log loss of each image."""
        given = self.probabilities
        found = given if calibration is None else calibration.calibrate(given)
        chosen = log_probabilities(found)[np.arange(len(given)), self.class_ids]
        return np.asarray(-self.weights * chosen)


def fit_calibration(
    probabilities: NDArray[np.floating[Any]], class_ids: NDArray[np.int64], priors: ArrayLike
) -> FittedCalibration:
    """Fit a calibration to images with a label of one class.

    Temperature scaling has one parameter and cannot overfit; the Dirichlet calibration with
    off-diagonal and intercept regularization (ODIR, Kull et al. 2019) has C * (C + 1).  The latter
    is used if its log loss, cross-validated over the images, is lower by more than one standard
    error of the difference.

    Images are weighted so that the classes have the frequencies `priors`; otherwise the calibration
    would replace the frequencies that the classifier assumes by those of the validation images.
    Both fits see one image more whose class is unknown, so that no probability becomes 1 where all
    predictions of a small sample are correct (as Platt's targets in the calibration of detectors).

    Parameters
    ----------
    probabilities : ndarray, shape (N, C)
        Probabilities of N images, N at least 1.
    class_ids : ndarray of int64, shape (N,)
        Their classes.
    priors : array_like, shape (C,)
        Class frequencies that the probabilities assume, above 0.

    Returns
    -------
    FittedCalibration
    """
    classes = probabilities.shape[1]
    found = np.bincount(class_ids, minlength=classes) / len(class_ids)
    weights = prior_ratio(priors, found)[class_ids]
    sample = _Sample(np.asarray(probabilities, np.float64), class_ids, weights / weights.mean())
    losses = {"none": sample.losses(None), "temperature": _validated(_fit_temperature, sample)}
    fit: _Fit = _fit_temperature
    if classes > 1:
        fits = [_dirichlet(penalty) for penalty in PENALTIES]
        by_penalty = [_validated(one, sample) for one in fits]
        best = int(np.argmin([loss.mean() for loss in by_penalty]))
        losses["dirichlet"] = by_penalty[best]
        gain = losses["temperature"] - losses["dirichlet"]
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            fit = fits[best]
    means = {name: float(loss.mean()) for name, loss in losses.items()}
    return FittedCalibration(fit(sample), len(class_ids), means)


def _validated(fit: _Fit, sample: _Sample) -> NDArray[np.float64]:
    """Return the loss of each image by a fit to the images of the other folds."""
    count = len(sample.class_ids)
    if count < 2:
        return sample.losses(fit(sample))
    # Each class is spread over the folds, in a fixed random order.
    shuffled = np.random.default_rng(0).permutation(count)
    order = shuffled[np.argsort(sample.class_ids[shuffled], kind="stable")]
    fold = np.empty(count, np.int64)
    fold[order] = np.arange(count) % FOLDS
    losses = np.empty(count)
    for number in range(min(FOLDS, count)):
        held_out = fold == number
        calibration = fit(sample.only(~held_out))
        losses[held_out] = sample.losses(calibration)[held_out]
    return losses


def _fit_temperature(sample: _Sample) -> TemperatureScaling:
    logits, targets = log_probabilities(sample.probabilities), sample.targets

    def loss(log_temperature: float) -> float:
        found = log_softmax(logits * np.exp(-log_temperature), axis=1)
        return float(-(sample.weights[:, None] * targets * found).sum())

    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    best = minimize_scalar(loss, bounds=bounds, method="bounded")
    return TemperatureScaling(temperature=round(float(np.exp(best.x)), _DIGITS))


def _dirichlet(penalty: float) -> _Fit:
    def fit(sample: _Sample) -> DirichletCalibration:
        return _fit_dirichlet(sample, penalty)

    return fit


def _fit_dirichlet(sample: _Sample, penalty: float) -> DirichletCalibration:
    """Minimize the mean log loss and ``penalty`` times the mean squares of what is penalized."""
    logits, targets = log_probabilities(sample.probabilities), sample.targets
    count, classes = logits.shape
    shares = sample.weights[:, None] / count
    # The penalty of each parameter: none on the diagonal, the intercepts in the last column.
    penalties = np.full((classes, classes + 1), penalty / (classes * (classes - 1)))
    penalties[:, -1] = penalty / classes
    np.fill_diagonal(penalties, 0)
    inputs = np.column_stack([logits, np.ones(count)])

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.reshape(classes, classes + 1)
        found = log_softmax(inputs @ parameters.T, axis=1)
        value = -(shares * targets * found).sum() + (penalties * parameters**2).sum()
        gradient = (shares * (np.exp(found) - targets)).T @ inputs + 2 * penalties * parameters
        return float(value), gradient.ravel()

    start = np.eye(classes, classes + 1) / _fit_temperature(sample).temperature
    best = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)
    weights, bias = best[:, :-1].round(_DIGITS), best[:, -1].round(_DIGITS)
    return DirichletCalibration(weights=tuple(map(tuple, weights.tolist())), bias=tuple(bias))
