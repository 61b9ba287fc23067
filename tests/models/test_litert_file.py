from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galpipe.models import InputScaling
from galpipe.models.litert import LiteRTNetwork
from galpipe.models.litert_file import halve_large_weights, widen_weights

pytestmark = pytest.mark.tensorflow

SIDE = 16


@pytest.fixture(scope="module")
def content() -> bytes:
    import tensorflow as tf

    rng = np.random.default_rng(0)
    first = rng.normal(0, 0.3, (3, 3, 3, 32)).astype(np.float32)
    second = rng.normal(0, 0.1, (3, 3, 32, 64)).astype(np.float32)

    def network(image: Any) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME"))
        x = tf.nn.conv2d(x, second, 1, "SAME")
        # The same weights once more: the converter keeps one copy of them.
        return x + tf.nn.conv2d(image[..., :1] * tf.ones((1, 1, 1, 32)), second, 1, "SAME")

    signature = tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)
    traced = tf.function(network).get_concrete_function(signature)
    converted = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module()).convert()
    assert isinstance(converted, bytes)
    return converted


def test_a_file_with_halved_weights_is_smaller_and_computes_nearly_the_same(content: bytes) -> None:
    halved = halve_large_weights(content)
    # 18,432 large weights lose two bytes each.
    assert len(content) - 2.1 * 18_432 < len(halved) < len(content) - 1.8 * 18_432
    scaling = InputScaling(scale=1 / 255, offset=0.0)
    image = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    (full,) = LiteRTNetwork(content, scaling).run(image)
    (half,) = LiteRTNetwork(halved, scaling).run(image)
    difference = np.abs(full - half).max()
    assert 0 < difference < 2e-3 * np.abs(full).max()


def test_halving_again_changes_nothing(content: bytes) -> None:
    twice = halve_large_weights(halve_large_weights(content))
    scaling = InputScaling(scale=1 / 255, offset=0.0)
    image = np.full((1, SIDE, SIDE, 3), 99, np.uint8)
    (once,) = LiteRTNetwork(halve_large_weights(content), scaling).run(image)
    (again,) = LiteRTNetwork(twice, scaling).run(image)
    np.testing.assert_array_equal(once, again)


def test_widened_weights_compute_the_same_without_any_widening(content: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    halved = halve_large_weights(content)
    widened = widen_weights(halved)
    assert len(widened) == pytest.approx(len(content), rel=0.05)
    interpreter = Interpreter(model_content=widened)
    interpreter.allocate_tensors()
    assert np.float16 not in {detail["dtype"] for detail in interpreter.get_tensor_details()}
    operations = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert "DEQUANTIZE" not in operations
    scaling = InputScaling(scale=1 / 255, offset=0.0)
    image = np.random.default_rng(2).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    (half,) = LiteRTNetwork(halved, scaling).run(image)
    (wide,) = LiteRTNetwork(widened, scaling).run(image)
    np.testing.assert_allclose(wide, half, rtol=1e-6, atol=1e-6)
