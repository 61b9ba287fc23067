from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.explain import activation_maximization, maximize_activations

from .networks import SIDE, colour_network, deep_network, explained

pytestmark = pytest.mark.tensorflow


def test_filters_get_the_colour_that_they_look_for() -> None:
    found = maximize_activations(explained(colour_network()), "convolution", [1, 0])
    assert found.shape == (2, SIDE, SIDE, 3)
    assert found.dtype == np.uint8
    for pattern, channel in zip(found, (1, 0), strict=True):
        assert (pattern[..., channel] == 255).all()
        others = np.delete(pattern, channel, axis=2).astype(float) / 255
        np.testing.assert_allclose(others.mean(), 0.5, atol=0.01)


def test_a_pattern_moves_its_filter_more_than_the_start_and_is_repeatable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activation_maximization, "STEPS", 4)
    network = explained(deep_network())
    found = maximize_activations(network, "relu_2", [0, 3], seed=1)
    np.testing.assert_array_equal(found[1:], maximize_activations(network, "relu_2", [3], seed=1))
    assert (found != maximize_activations(network, "relu_2", [0, 3], seed=2)).any()
    start = np.random.default_rng(1).normal(0.5, 0.02, (1, SIDE, SIDE, 3)).astype(np.float32)
    before, after = (
        network.outputs(pictures, ["norm_2"])[0].mean(axis=(1, 2))
        for pictures in (start, found.astype(np.float32) / 255)
    )
    assert after[0, 0] > before[0, 0] + 0.05
    assert after[1, 3] > before[0, 3] + 0.05
