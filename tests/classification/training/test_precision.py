from __future__ import annotations

import keras
import numpy as np
import pytest

from galpipe.classification.training.cnn import build_cnn
from galpipe.classification.training.fit import computing_in, in_float32

pytestmark = pytest.mark.tensorflow


def test_a_network_in_16_bits_becomes_the_same_in_32() -> None:
    with computing_in("mixed_bfloat16"):
        rough = build_cnn(3, 32)
    assert keras.config.dtype_policy().name == "float32"
    assert rough.layers[1].compute_dtype == "bfloat16"
    assert rough.layers[-1].compute_dtype == "float32"
    exact = in_float32(rough)
    assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
    images = np.random.default_rng(0).random((4, 32, 32, 3)).astype(np.float32)
    given, wanted = (keras.ops.convert_to_numpy(net(images)) for net in (rough, exact))
    np.testing.assert_allclose(given, wanted, atol=0.02)
    for mine, theirs in zip(exact.get_weights(), rough.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
