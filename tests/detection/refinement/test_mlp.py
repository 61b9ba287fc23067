from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from galpipe.detection.refinement.mlp import HIDDEN, MLP, Batch, fit_mlp

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

VALUES = np.random.default_rng(0).normal(3, 2, (500, 2))
TRUTH = np.abs(VALUES[:, :1] - 3)


def squared_error(targets: Any, values: Any) -> Any:
    return (targets[:, 0] - values[:, 0]) ** 2


@pytest.fixture
def fit() -> Callable[[int], MLP]:
    mean, deviation = VALUES.mean(axis=0), VALUES.std(axis=0)

    def draw(rng: np.random.Generator) -> Batch:
        rows = rng.integers(len(VALUES), size=64)
        return (VALUES[rows] - mean) / deviation, TRUTH[rows]

    def fit(steps: int) -> MLP:
        settings: dict[str, Any] = {"outputs": 1, "decay": 1e-3, "steps": steps, "seed": 0}
        return fit_mlp(mean, deviation, draw, squared_error, **settings)

    return fit


def test_a_nonlinear_function_is_learnt(fit: Callable[[int], MLP]) -> None:
    network = fit(500)
    assert network.parameters[2].shape == (2, HIDDEN)
    assert np.abs(network(VALUES) - TRUTH).mean() < 0.1


def test_a_seed_gives_the_same_network(fit: Callable[[int], MLP]) -> None:
    np.testing.assert_array_equal(fit(20)(VALUES), fit(20)(VALUES))
