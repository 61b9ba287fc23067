from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from galpipe.configs import InputScaling
from galpipe.errors import InputError

from .networks import SIDE, UNIT, colour_network, deep_network, explained, red_and_green

pytestmark = pytest.mark.tensorflow


def test_the_stages_are_the_activations_of_each_size() -> None:
    network = explained(deep_network())
    assert network.stages == ("relu_1", "relu_2")
    assert network.shapes["relu_2"] == (8, 8, 6)
    assert list(network.shapes)[:3] == ["convolution_1", "norm_1", "relu_1"]
    assert "flat" not in network.shapes


def test_outputs_and_probabilities_are_those_of_keras() -> None:
    model, pictures = deep_network(), red_and_green()
    network = explained(model)
    lower = keras.Model(model.input, [model.get_layer(n).output for n in ("norm_1", "pool_2")])
    for ours, theirs in zip(
        network.outputs(pictures, ["norm_1", "pool_2"]), lower(pictures), strict=True
    ):
        np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), atol=1e-6)
    expected = keras.ops.convert_to_numpy(model(pictures))
    np.testing.assert_allclose(network.probabilities(pictures), expected, atol=1e-6)


def test_the_network_is_left_as_it_was() -> None:
    model, pictures = deep_network(), red_and_green()
    before = keras.ops.convert_to_numpy(model(pictures))
    network = explained(model)
    network.score_gradient(pictures, [0, 1], "relu_2")
    network.channel_gradient(pictures, [0, 1], "relu_2")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(pictures)), before)
    assert all("call" not in vars(layer) for layer in model.layers)


@pytest.mark.parametrize("name", ["norm_1", "convolution_2"])
def test_the_score_gradient_is_that_of_the_logit(name: str) -> None:
    model = deep_network()
    network, pictures = explained(model), _pictures()
    gradient = network.score_gradient(pictures, [2, 0], name)
    kernel, bias = model.get_layer("top").get_weights()
    upper = keras.Model(model.get_layer(name).output, model.get_layer("flat").output)

    def scores(given: np.ndarray) -> np.ndarray:
        features = keras.ops.convert_to_numpy(upper(given))
        return (features @ kernel + bias)[:, [2, 0]]

    [given] = network.outputs(pictures, [name])
    _check_slope(scores, given, gradient)


def test_without_a_softmax_at_its_end_the_score_is_the_logarithm_of_the_probability() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    same = layers.Conv2D(3, 1, use_bias=False, name="same")
    same_inputs = same(inputs)
    members = [colour_network(), deep_network(classes=2)]
    outputs = layers.Average()([member(same_inputs) for member in members])
    same.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    network, pictures = explained(keras.Model(inputs, outputs)), _pictures()

    def scores(given: np.ndarray) -> np.ndarray:
        return np.log(network.probabilities(given))[:, [1, 0]]

    _check_slope(scores, pictures, network.score_gradient(pictures, [1, 0], "same"))


def _pictures() -> np.ndarray:
    return np.random.default_rng(0).random((2, SIDE, SIDE, 3), np.float32)


def _check_slope(
    scores: Callable[[np.ndarray], np.ndarray], place: np.ndarray, gradient: np.ndarray
) -> None:
    """Compare gradients of the score of each picture with differences along one direction."""
    push = np.random.default_rng(1).normal(size=place.shape).astype(np.float32)
    step = np.float32(1e-3)
    more, less = (np.diagonal(scores(place + sign * step * push)) for sign in (1, -1))
    expected = (gradient * push).sum(axis=(1, 2, 3))
    # Between the two places some activations begin or end, and some maxima move.
    np.testing.assert_allclose((more - less) / (2 * step), expected, rtol=0.1, atol=0.003)


def test_a_silent_channel_says_what_would_wake_it() -> None:
    network = explained(colour_network())
    black = np.zeros((1, SIDE, SIDE, 3), np.float32)
    assert network.outputs(black, ["convolution"])[0].max() == 0
    gradient = network.channel_gradient(black, [0], "convolution")
    np.testing.assert_allclose(gradient[..., 0], 1 / SIDE**2, rtol=1e-5)
    np.testing.assert_array_equal(gradient[..., 1:], 0)


def test_networks_within_networks() -> None:
    inner = colour_network()
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    swap = layers.Dense(2, use_bias=False, name="probabilities")
    outer = keras.Model(inputs, swap(inner(inputs)))
    swap.set_weights([np.eye(2, dtype=np.float32)[::-1]])
    network, plain = explained(outer), explained(colour_network())
    assert network.stages == ("colours/convolution",)
    assert network.layer("convolution") == "colours/convolution"
    assert network.layer("nosuch") is None
    pictures = red_and_green()
    for within, alone in (
        (network.score_gradient(pictures, [1, 1], network.stages[0]),
         plain.score_gradient(pictures, [0, 0], "convolution")),
        (network.channel_gradient(pictures, [1, 0], network.stages[0]),
         plain.channel_gradient(pictures, [1, 0], "convolution")),
    ):  # fmt: skip
        np.testing.assert_allclose(within, alone, atol=1e-7)


def test_a_sequential_network_with_a_softmax_layer() -> None:
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(2, 3, name="convolution"),
            layers.Flatten(),
            layers.Dense(2, name="logits"),
            layers.Softmax(),
        ]
    )
    gradient = explained(model).score_gradient(red_and_green(), [1, 1], "convolution")
    kernel = model.get_layer("logits").get_weights()[0][:, 1].reshape(14, 14, 2)
    np.testing.assert_allclose(gradient, np.stack([kernel, kernel]), atol=1e-6)


def test_the_scaling_is_applied() -> None:
    pictures = red_and_green()
    network = explained(colour_network(), InputScaling(scale=2 / 255, offset=-1))
    expected = explained(colour_network()).probabilities(pictures * 2 - 1)
    np.testing.assert_allclose(network.probabilities(pictures), expected, atol=1e-6)


def _dense_only() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(inputs)))


def _logits() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs)))


def _any_size() -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs))
    return keras.Model(inputs, layers.Softmax()(x))


def _pictures_out() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, layers.Conv2D(2, 3)(inputs))


def _two_outputs() -> keras.Model:
    model = colour_network()
    return keras.Model(model.input, [model.output, model.get_layer("mean").output])


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (_dense_only, "no convolution"),
        (_logits, "append a softmax"),
        (_any_size, "of a fixed size"),
        (_pictures_out, "not one value per class"),
        (_two_outputs, "2 outputs"),
    ],
)
def test_what_cannot_be_explained_is_refused(build: Callable[[], keras.Model], fault: str) -> None:
    with pytest.raises(InputError, match=rf"made\.keras: .*{fault}"):
        explained(build(), UNIT)
