from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from hypothesis import given, settings
from hypothesis import strategies as st
from tf_keras import layers

from galpipe.classification.training.keras_file import build_keras_file
from galpipe.classification.training.keras_reader import convert_keras2_config
from galpipe.configs import InputScaling, KerasFileMember

pytestmark = pytest.mark.tensorflow

NAMES = ("round", "spiral", "edge-on")


def features() -> Any:
    inputs = tf_keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3)(inputs))
    return tf_keras.Model(inputs, layers.Conv2D(4, 3, activation="relu")(x))


def plain() -> Any:
    stack = [layers.Rescaling(1 / 255, input_shape=(8, 8, 3)), layers.Flatten()]
    return tf_keras.Sequential([*stack, layers.Dense(3, "softmax", kernel_regularizer="l1_l2")])


def followed_by_dense_layers() -> Any:
    inputs = tf_keras.Input((8, 8, 3))
    x = layers.Dropout(0.5)(layers.Flatten()(features()(inputs)))
    return tf_keras.Model(inputs, layers.Dense(3, "softmax")(x))


def in_a_stack() -> Any:
    return tf_keras.Sequential([features(), layers.Flatten(), layers.Dense(3, "softmax")])


def used_twice() -> Any:
    inputs = tf_keras.Input((8, 8, 3))
    shared = features()
    x = layers.Concatenate()([shared(inputs), shared(layers.ReLU()(inputs))])
    return tf_keras.Model(inputs, layers.Dense(3, "softmax")(layers.Flatten()(x)))


@pytest.mark.parametrize("build", [plain, followed_by_dense_layers, in_a_stack, used_twice])
def test_a_file_of_keras_2_gives_what_keras_2_gives(
    tmp_path: Path, build: Callable[[], Any]
) -> None:
    model = build()
    with pytest.warns(UserWarning, match="HDF5"):
        model.save(tmp_path / "old.h5")
    pictures = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)
    member = KerasFileMember(
        architecture="keras_file",
        path=tmp_path / "old.h5",
        input_size=8,
        scaling=InputScaling(scale=1 / 255, offset=0),
        class_names=NAMES,
    )
    given = np.asarray(build_keras_file(member, NAMES, 8)(pictures, training=False))
    assert given.shape == (3, 3)
    np.testing.assert_allclose(given, model(pictures, training=False), atol=1e-5)


def test_what_is_of_keras_3_stays() -> None:
    config = {
        "config": {
            "layers": [
                {"config": {"groups": 2}, "class_name": "Conv2D", "name": "a", "inbound_nodes": []},
                {"config": {}, "name": "b", "inbound_nodes": [[["a", 1, 0, {}]]]},
            ],
            "input_layers": ["a", 0, 0],
        }
    }
    before = json.dumps(config)
    convert_keras2_config(config)
    assert json.dumps(config) == before


_TEXTS = st.sampled_from(
    ["config", "layers", "name", "class_name", "inbound_nodes", "output_layers", "Model", "a"]
)
_ANYTHING = st.recursive(
    st.none() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=200)
@given(_ANYTHING, _ANYTHING)
def test_any_description_is_gone_through(config: Any, layer: Any) -> None:
    convert_keras2_config(config)
    convert_keras2_config({"config": {"layers": [layer, {"config": {}, "inbound_nodes": layer}]}})
