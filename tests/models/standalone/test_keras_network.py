from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.models import InputScaling
from galpipe.models.litert import LiteRTNetwork
from galpipe.models.litert_file import halve_large_weights
from galpipe.models.standalone.keras_network import UnsupportedOperationError, keras_network
from galpipe.models.standalone.litert_graph import read_litert_graph

pytestmark = pytest.mark.tensorflow

SIDE = 16
RNG = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(0, 0.3, shape).astype(np.float32)


def convert(function: Callable[[Any], Any], *, integers: bool = False) -> bytes:
    import tensorflow as tf

    signature = tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)
    concrete = tf.function(function).get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    if integers:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        images = RNG.random((4, 1, SIDE, SIDE, 3), np.float32)
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    content = converter.convert()
    assert isinstance(content, bytes)
    return content


def convolutions(image: Any) -> Any:
    import tensorflow as tf

    x = tf.nn.relu6(tf.nn.conv2d(image, KERNELS["first"], 2, "SAME") + KERNELS["bias"])
    x = tf.nn.depthwise_conv2d(x, KERNELS["depthwise"], (1, 1, 1, 1), "SAME")
    x = tf.nn.leaky_relu(x, 0.1) + tf.nn.elu(x)
    small = tf.nn.max_pool2d(x, 2, 2, "VALID")
    large = tf.image.resize(small, (8, 8), method="nearest")
    large += tf.image.resize(small, (8, 8), method="bilinear")
    x = tf.concat([x, large * tf.sigmoid(large)], axis=-1)
    x = tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])[:, 1:9, 0:8]
    x = tf.nn.depth_to_space(tf.nn.conv2d(x, KERNELS["deep"], 1, "VALID", dilations=2), 2)
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    return tf.transpose(tf.nn.avg_pool2d(x, 3, 1, "SAME"), (0, 2, 1, 3))


def probabilities(image: Any) -> Any:
    import tensorflow as tf

    x = tf.reshape(image[:, ::4, ::4] - 0.5, (1, 48))
    x = tf.tanh(tf.matmul(x, KERNELS["dense"]) + KERNELS["dense bias"])
    spread = tf.sqrt(tf.reduce_mean(tf.square(x), axis=1, keepdims=True)) + 0.1
    x = tf.maximum(x / spread, -2.0)
    x *= tf.reduce_max(tf.reduce_max(image, axis=(1, 2)), axis=1, keepdims=True)
    return tf.nn.softmax(tf.minimum(tf.exp(x), 3.0) - tf.abs(x))


KERNELS = {
    "first": weights(3, 3, 3, 32),
    "bias": weights(32),
    "depthwise": weights(3, 3, 32, 2),
    "deep": weights(3, 3, 128, 64),
    "dense": weights(48, 200),
    "dense bias": weights(200),
}


@pytest.mark.parametrize("network", [convolutions, probabilities])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_a_network_of_all_kinds_of_layers_computes_the_same(
    network: Callable[[Any], Any], storage: str, tmp_path: Path
) -> None:
    import keras

    content = convert(network)
    if storage == "float16":
        content = halve_large_weights(content)
    graph = read_litert_graph(content)
    assert graph.storage == storage
    path = tmp_path / "model.keras"
    keras_network(graph).save(path)
    model = keras.saving.load_model(path)
    images = RNG.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    litert = LiteRTNetwork(content, InputScaling(scale=1 / 255, offset=0.0))
    expected = np.concatenate([litert.run(image[np.newaxis])[0] for image in images])
    found = np.asarray(model(images / np.float32(255)))
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_a_network_that_computes_in_integers_is_refused() -> None:
    content = convert(probabilities, integers=True)
    with pytest.raises(ValueError, match="computes in 8-bit integers"):
        read_litert_graph(content)


def test_an_operation_without_a_layer_is_named() -> None:
    import tensorflow as tf

    content = convert(lambda image: tf.cumsum(image, axis=1))
    with pytest.raises(UnsupportedOperationError, match="CUMSUM, for which Keras"):
        keras_network(read_litert_graph(content))
