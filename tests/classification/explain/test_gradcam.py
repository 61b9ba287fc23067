from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.explain import heat_maps

from .networks import SIDE, colour_network, deep_network, explained, red_and_green

pytestmark = pytest.mark.tensorflow


def test_heat_lies_on_what_speaks_for_the_class() -> None:
    heat = heat_maps(explained(colour_network()), red_and_green(), [0, 0])
    expected = np.zeros((SIDE, SIDE), np.float32)
    expected[2:6, 3:8] = 1
    for maps in heat:
        np.testing.assert_allclose(maps, [expected, expected], atol=1e-6)


def test_nothing_speaks_for_a_class_without_weights() -> None:
    for maps in heat_maps(explained(colour_network()), red_and_green(), [1, 1]):
        np.testing.assert_array_equal(maps, np.zeros((2, SIDE, SIDE)))


def test_the_equations() -> None:
    network, pictures = explained(deep_network()), red_and_green()
    found = heat_maps(network, pictures, [1, 2], "relu_1")
    [given] = network.outputs(pictures, ["relu_1"])
    gradient = network.score_gradient(pictures, [1, 2], "relu_1")
    for row in range(2):
        alpha = [gradient[row, ..., k].mean() for k in range(4)]
        gradcam = np.maximum(sum(alpha[k] * given[row, ..., k] for k in range(4)), 0)
        hirescam = np.maximum((gradient[row] * given[row]).sum(axis=2), 0)
        for ours, expected in ((found.gradcam, gradcam), (found.hirescam, hirescam)):
            np.testing.assert_allclose(ours[row], expected / expected.max(), atol=1e-5)


def test_the_deepest_layer_is_the_default_and_is_enlarged() -> None:
    network, pictures = explained(deep_network()), red_and_green()
    found = heat_maps(network, pictures, [1, 2])
    named = heat_maps(network, pictures, [1, 2], "relu_2")
    np.testing.assert_array_equal(found.hirescam, named.hirescam)
    assert found.gradcam.shape == (2, SIDE, SIDE)
    assert found.hirescam.max(axis=(1, 2)).tolist() == [1, 1]
