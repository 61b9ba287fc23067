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

LEAST_IMAGES = 10
"""Images of each class that the Dirichlet calibration needs.

Cross-validation cannot see what it does to a class without images, which it takes for impossible:
fitted to 50 validation images of seven of ten classes, it halved the cross-validated log loss of
the shipped ensemble and lost 4 % of its accuracy on the test images."""

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
        Mean log loss of ``none`` and each method that was tried, cross-validated.
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

    Temperature scaling has one parameter; the Dirichlet calibration (Kull et al. 2019, with their
    off-diagonal and intercept regularization, ODIR, extended to the diagonal) has C * (C + 1).  It
    is used if each class has `LEAST_IMAGES`, and its log loss, cross-validated over the images, is
    lower by more than one standard error of the difference.

    Images are weighted so that the classes have the frequencies `priors`; otherwise the calibration
    would replace the frequencies that the classifier assumes by those of the validation images.

    A small sample whose predictions are all correct would make all probabilities 1.  Therefore the
    logarithm of the temperature has a normal prior of mean 0 and standard deviation 1, and the
    parameters of the Dirichlet calibration are pulled towards temperature scaling.

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
    counts = np.bincount(class_ids, minlength=classes)
    weights = prior_ratio(priors, counts / len(class_ids))[class_ids]
    sample = _Sample(np.asarray(probabilities, np.float64), class_ids, weights / weights.mean())
    losses = {"none": sample.losses(None), "temperature": _validated(_fit_temperature, sample)}
    fit: _Fit = _fit_temperature
    if classes > 1 and counts.min() >= LEAST_IMAGES:
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
    logits = log_probabilities(sample.probabilities)
    rows = np.arange(len(logits))

    def loss(log_temperature: float) -> float:
        found = log_softmax(logits * np.exp(-log_temperature), axis=1)[rows, sample.class_ids]
        return float(log_temperature**2 / 2 - (sample.weights * found).sum())

    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    best = minimize_scalar(loss, bounds=bounds, method="bounded")
    return TemperatureScaling(temperature=round(float(np.exp(best.x)), _DIGITS))


def _dirichlet(penalty: float) -> _Fit:
    def fit(sample: _Sample) -> DirichletCalibration:
        return _fit_dirichlet(sample, penalty)

    return fit


def _fit_dirichlet(sample: _Sample, penalty: float) -> DirichletCalibration:
    """Minimize the mean log loss and the penalized distance from temperature scaling.

    The penalty multiplies the mean squares off the diagonal, on it, and of the intercepts.
    """
    logits = log_probabilities(sample.probabilities)
    count, classes = logits.shape
    targets, shares = np.eye(classes)[sample.class_ids], sample.weights[:, None] / count
    penalties = np.full((classes, classes + 1), penalty / (classes * (classes - 1)))
    np.fill_diagonal(penalties, penalty / classes)
    # The last column holds the intercepts.
    penalties[:, -1] = penalty / classes
    start = np.eye(classes, classes + 1) / _fit_temperature(sample).temperature
    inputs = np.column_stack([logits, np.ones(count)])

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.reshape(classes, classes + 1)
        found = log_softmax(inputs @ parameters.T, axis=1)
        moved = parameters - start
        value = -(shares * targets * found).sum() + (penalties * moved**2).sum()
        gradient = (shares * (np.exp(found) - targets)).T @ inputs + 2 * penalties * moved
        return float(value), gradient.ravel()

    best = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)
    weights, bias = best[:, :-1].round(_DIGITS), best[:, -1].round(_DIGITS)
    return DirichletCalibration(weights=tuple(map(tuple, weights.tolist())), bias=tuple(bias))
