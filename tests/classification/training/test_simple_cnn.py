from __future__ import annotations

import keras
import numpy as np
import pytest

from galpipe.classification.training.simple_cnn import build_simple_cnn
from galpipe.configs import SimpleCnnMember

pytestmark = pytest.mark.tensorflow


def test_the_layers_are_as_published() -> None:
    member = SimpleCnnMember(architecture="simple_cnn", l2=0.2)
    model = build_simple_cnn(10, 32, member, deviation=0.1)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [576, 64, 10]
    assert [layer.kernel_regularizer and float(layer.kernel_regularizer.l2) for layer in dense] == [
        pytest.approx(0.2),
        pytest.approx(0.2),
        None,
    ]
    (noise,) = (layer for layer in model.layers if isinstance(layer, keras.layers.GaussianNoise))
    assert noise.stddev == pytest.approx(0.02)
    dropped = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropped == [0.25, 0.25]
    images = np.full((2, 32, 32, 3), 0.5, np.float32)
    # Noise and dropout are for the training alone.
    np.testing.assert_array_equal(model(images), model(images))
    assert np.abs(np.asarray(noise(images, training=True)) - 0.5).std() > 0
