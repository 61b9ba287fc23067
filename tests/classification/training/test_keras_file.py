from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from galpipe.classification.training.export import compare, to_litert
from galpipe.classification.training.keras_file import build_keras_file
from galpipe.configs import InputScaling, KerasFileMember
from galpipe.errors import ConfigError

pytestmark = pytest.mark.tensorflow

NAMES = ("red", "green", "blue")


def brightest(side: int | None = 8, activation: str | None = "softmax") -> keras.Model:
    """A network that says which plane is brightest; it takes pictures in -1..1."""
    inputs = keras.Input((side, side, 3), name="image")
    x = layers.GlobalAveragePooling2D()(inputs)
    dense = layers.Dense(3, activation=activation, name="probabilities")
    model = keras.Model(inputs, dense(x))
    dense.set_weights([5 * np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    return model


@pytest.fixture
def member(tmp_path: Path) -> Callable[..., KerasFileMember]:
    def make(model: keras.Model, **settings: Any) -> KerasFileMember:
        path = tmp_path / "theirs.keras"
        model.save(path)
        stated = {
            "input_size": 8,
            "scaling": InputScaling(scale=2 / 255, offset=-1),
            "class_names": NAMES,
        }
        return KerasFileMember(architecture="keras_file", path=path, **(stated | settings))

    return make


@pytest.mark.parametrize("side", [8, 12])
def test_scaling_size_and_order_are_as_stated(
    member: Callable[..., KerasFileMember], side: int
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 1, 1, 3)).astype(np.uint8)
    pictures = np.broadcast_to(pictures, (5, side, side, 3))
    stated = member(brightest(), class_names=("blue", "red", "green"))
    model = build_keras_file(stated, NAMES, side)
    given = np.asarray(model(pictures.astype(np.float32) / 255, training=False))
    powers = np.exp(5 * (pictures[:, 0, 0] * 2 / 255 - 1))
    theirs = powers / powers.sum(axis=1, keepdims=True)
    # Their first output is blue, our third class.
    np.testing.assert_allclose(given, theirs[:, [1, 2, 0]], atol=1e-5)
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)
    agreement = compare(model, to_litert(model, "float32"), np.ascontiguousarray(pictures))
    assert agreement.largest_difference < 1e-4


def test_a_network_for_any_size_is_fed_the_stated_one(
    member: Callable[..., KerasFileMember],
) -> None:
    assert build_keras_file(member(brightest(None)), NAMES, 8).output_shape == (None, 3)


def two_outputs() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    flat = layers.Flatten()(inputs)
    return keras.Model(inputs, [layers.Dense(3)(flat), layers.Dense(3)(flat)])


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (brightest, {"class_names": ("red", "green")}, r"\(missing: blue\)"),
        (
            brightest,
            {"class_names": ("red", "green", "violet")},
            r"\(missing: blue; not of the training: violet\)",
        ),
        (brightest, {"class_names": (*NAMES, "red")}, "named twice"),
        (brightest, {"input_size": 9}, r"the input has shape \(8, 8, 3\), not \(9, 9, 3\)"),
        (lambda: brightest(activation=None), {}, "not probabilities.*softmax"),
        (lambda: brightest(activation="sigmoid"), {}, "not probabilities.*softmax"),
        (two_outputs, {}, "1 inputs and 2 outputs"),
    ],
)
def test_what_does_not_fit_is_said(
    member: Callable[..., KerasFileMember],
    build: Callable[[], keras.Model],
    settings: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=rf"theirs\.keras: .*{message}"):
        build_keras_file(member(build(), **settings), NAMES, 8)


def test_a_network_of_other_classes_is_refused(member: Callable[..., KerasFileMember]) -> None:
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Dense(4, activation="softmax")(layers.Flatten()(inputs))
    with pytest.raises(ConfigError, match=r"the output has shape \(4,\), but class_names has 3"):
        build_keras_file(member(keras.Model(inputs, outputs)), NAMES, 8)
