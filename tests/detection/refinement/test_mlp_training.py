from __future__ import annotations

import numpy as np
import pytest

from galpipe.detection.refinement.mlp import HIDDEN
from galpipe.detection.refinement.mlp_training import Batch, fit_mlp, gradients


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(3)
    shapes = ((5, 4), (4,), (4, 4), (4,), (4, 2), (2,))
    parameters = [rng.normal(0, 0.5, shape) for shape in shapes]
    features, truth = rng.normal(0, 1, (6, 7, 5)), rng.normal(0, 1, (6, 7, 2))

    def loss(parameters: list[np.ndarray]) -> float:
        hidden = np.maximum(features @ parameters[0] + parameters[1], 0)
        hidden = np.maximum(hidden @ parameters[2] + parameters[3], 0)
        return float(((hidden @ parameters[4] + parameters[5] - truth) ** 2).sum() / 2)

    found = gradients(parameters, features, lambda outputs: outputs - truth)
    for place, gradient in enumerate(found):
        moved = [array.copy() for array in parameters]
        direction = rng.normal(0, 1, gradient.shape)
        moved[place] = parameters[place] + 1e-6 * direction
        change = (loss(moved) - loss(parameters)) / 1e-6
        assert change == pytest.approx((gradient * direction).sum(), rel=1e-3, abs=1e-5)


def test_it_learns_what_is_not_linear_and_the_same_each_time() -> None:
    values = np.random.default_rng(0).normal(3, 2, (500, 2))
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    truth = np.abs(values[:, :1] - 3)

    def draw(rng: np.random.Generator) -> Batch:
        rows = rng.integers(500, size=64)
        return (values[rows] - mean) / deviation, lambda outputs: (outputs - truth[rows]) / 64

    network = fit_mlp(mean, deviation, 1, draw, 0, 1e-3)
    assert network.parameters[2].shape == (2, HIDDEN)
    assert np.abs(network(values) - truth).mean() < 0.1
    again = fit_mlp(mean, deviation, 1, draw, 0, 1e-3)
    np.testing.assert_array_equal(again(values), network(values))
