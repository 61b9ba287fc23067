"""Which network a Bayesian search tries next: KerasTuner's Gaussian process over the whole grid."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ...configs import SEARCHED
from ...errors import require

__all__ = ["RANDOM_TRIALS", "propose"]

RANDOM_TRIALS = 2 * len(SEARCHED)
"""Trials that are drawn at random before the Gaussian process is asked."""


def propose(
    tried: Sequence[Mapping[str, float]], losses: Sequence[float], seed: int
) -> dict[str, float] | None:
    """Return the hyper-parameters of the next trial; None where all have been tried.

    The same trials lead to the same next one, so an interrupted search goes on as if it had not
    been.

    Parameters
    ----------
    tried : sequence of mapping
        Hyper-parameters of the finished trials, by the names of `SEARCHED`.
    losses : sequence of float
        What each of them reached; lower is better.
    seed : int
        Of the random draws.

    Notes
    -----
    KerasTuner's own search maximises the acquisition function between the points of the grid and
    rounds to the nearest one, which soon is the same network again and again.  Here its Gaussian
    process and its confidence bound (Srinivas et al. 2010) judge every network that is left.
    """
    left = [point for point in _grid() if point not in tried]
    if not left:
        return None
    if len(tried) < RANDOM_TRIALS:
        return left[int(np.random.default_rng([seed, len(tried)]).integers(len(left)))]
    oracle = _oracle(seed)
    with warnings.catch_warnings():
        # A length scale may lie at its bound: one of the hyper-parameters then does not matter.
        warnings.simplefilter("ignore")
        oracle.gpr.fit(_embed(oracle, tried), np.asarray(losses))
        mean, deviation = oracle.gpr.predict(_embed(oracle, left), return_std=True)
    return left[int(np.argmin(mean - oracle.beta * deviation))]


def _grid() -> list[dict[str, float]]:
    return [dict(zip(SEARCHED, values, strict=True)) for values in product(*SEARCHED.values())]


def _oracle(seed: int) -> Any:
    tuner = require("keras_tuner", "train")
    space = tuner.HyperParameters()
    for name, values in SEARCHED.items():
        space.Choice(name, list(values), ordered=True)
    return tuner.oracles.BayesianOptimizationOracle(
        objective=tuner.Objective("loss", "min"),
        hyperparameters=space,
        # It takes a zero for none.
        seed=seed + 1,
    )


def _embed(oracle: Any, points: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Return points of the grid in the unit cube, shape (N, hyper-parameters)."""
    space = oracle.get_space().space
    return np.array([[axis.value_to_prob(point[axis.name]) for axis in space] for point in points])
