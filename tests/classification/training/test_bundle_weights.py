from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from galpipe.classification.training.bundle_weights import refresh_statistics, unfold_weights
from galpipe.classification.training.export import run_litert, to_litert
from galpipe.classification.training.member_kind import softmax_output

pytestmark = pytest.mark.tensorflow

COLOURS = np.random.default_rng(2).integers(0, 200, (8, 1, 1, 3))
CROPS = (COLOURS + np.random.default_rng(0).integers(0, 56, (8, 32, 32, 3))).astype(np.uint8)


def network() -> keras.Model:
    """Parallel branches of the same shapes, and all kinds of layers with weights."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    x = layers.Conv2D(4, 3, strides=2)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    branches = []
    for _ in range(3):
        branch = layers.Conv2D(4, 1, use_bias=False)(x)
        branches.append(layers.ReLU()(layers.BatchNormalization(scale=False)(branch)))
    x = layers.Concatenate()(branches)
    y = layers.SeparableConv2D(6, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    z = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    z = layers.Conv2D(6, 1)(layers.ReLU()(layers.BatchNormalization()(z)))
    x = layers.GlobalAveragePooling2D()(layers.Add()([y, z]))
    return keras.Model(inputs, softmax_output(x, 3))


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    model, rng = network(), np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            *trainable, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    *(rng.uniform(0.5, 2, one.shape) for one in trainable),
                    rng.normal(0, 0.5, mean.shape),
                    rng.uniform(0.5, 2, variance.shape),
                ]
            )
        elif layer.weights:
            layer.set_weights([rng.normal(0, 0.4, one.shape) for one in layer.get_weights()])
    return model


def outputs(model: keras.Model) -> np.ndarray:
    given: np.ndarray = model.predict(CROPS / np.float32(255), verbose=0)
    return given


def test_a_file_gives_back_its_network(trained: keras.Model) -> None:
    content = to_litert(trained, "float16")
    # Keras counts layers: the names of some networks sort in another order.
    restored = [network() for _ in range(4)][-1]
    unfold_weights(content, restored)
    wanted = run_litert(content, CROPS)
    assert np.ptp(wanted, axis=0).max() > 0.02
    np.testing.assert_allclose(outputs(restored), wanted, atol=5e-4)

    inputs = CROPS / np.float32(255)
    refresh_statistics(restored, [inputs[:4], inputs[4:]])
    np.testing.assert_allclose(outputs(restored), wanted, atol=5e-4)
    # A training normalizes by the statistics of the batch, which are now those of the norms.
    first = next(one for one in restored.layers if isinstance(one, layers.BatchNormalization))
    before = keras.Model(restored.inputs, first.input).predict(inputs, verbose=0)
    mean, variance = first.get_weights()[2:]
    np.testing.assert_allclose(mean, before.mean(axis=(0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(variance, before.var(axis=(0, 1, 2)), rtol=1e-3)
