from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.models import InputScaling
from galpipe.models.feature_network import feature_network
from galpipe.models.litert import LiteRTNetwork

NETWORKS = Path(__file__).parents[1] / "networks"
SCALING = InputScaling(scale=1 / 255, offset=0.0)


@pytest.mark.parametrize("name", ["quadrants", "questions"])
def test_the_output_is_the_input_of_the_last_dense_layer_before_the_softmax(name: str) -> None:
    content = (NETWORKS / f"{name}.tflite").read_bytes()
    network = LiteRTNetwork(feature_network(content), SCALING)
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
    (features,) = network.run(images)
    quadrants = images.reshape(5, 2, 8, 2, 8, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(features, quadrants.reshape(5, 12), atol=1e-6)


def test_the_given_network_is_unchanged() -> None:
    content = (NETWORKS / "quadrants.tflite").read_bytes()
    before = bytes(content)
    feature_network(content)
    assert content == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no LiteRT file"),
        (b"no network at all", "no LiteRT file"),
        ((NETWORKS / "quadrants.tflite").read_bytes()[:700], "no LiteRT file"),
        ((NETWORKS / "decided.tflite").read_bytes(), "no dense layer"),
    ],
)
def test_a_network_without_features(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        feature_network(content)
