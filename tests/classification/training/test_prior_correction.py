from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from galpipe.classification.training.balance import correct_priors

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


def network(bias: list[float]) -> keras.Model:
    """A network that gives every image the softmax of its biases."""
    inputs = keras.Input((2,))
    outputs = layers.Dense(len(bias), activation="softmax", name="probabilities")(inputs)
    model = keras.Model(inputs, outputs)
    model.get_layer("probabilities").set_weights([np.zeros((2, len(bias))), np.array(bias)])
    return model


def answer(model: keras.Model) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(np.zeros((1, 2), np.float32)))[0]


def test_what_was_drawn_evenly_gets_its_frequency_back() -> None:
    # Three of the first class, one of the second, drawn equally often: a network that has learned
    # nothing but how often it sees them says one half each.
    labels = labels_of([[1, 0]] * 3 + [[0, 1]])
    model = network([0.0, 0.0])
    correct_priors(model, labels, [1, 1, 1, 3])
    np.testing.assert_allclose(answer(model), [0.75, 0.25], rtol=1e-6)


def test_a_label_that_leaves_two_classes_open_counts_half_for_each() -> None:
    model = network([0.0, 0.0, 0.0])
    correct_priors(model, labels_of([[1, 1, 0], [0, 0, 1]]), [1, 3])
    # Drawn 1/8, 1/8, 3/4; true 1/4, 1/4, 1/2.
    np.testing.assert_allclose(answer(model), np.array([2, 2, 2 / 3]) / (4 + 2 / 3), rtol=1e-6)


def test_a_class_without_images_stays() -> None:
    model = network([0.0, 0.0, 1.0])
    correct_priors(model, labels_of([[1, 0, 0], [1, 0, 0], [0, 1, 0]]), [1, 1, 2])
    assert model.get_layer("probabilities").get_weights()[1][2] == pytest.approx(1.0)


@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=6))
def test_weights_in_another_unit_change_nothing(weights: list[float]) -> None:
    labels = labels_of(np.eye(3)[[0, 0, 0, 1, 1, 2]])
    one, other = network([0.3, 0.0, -0.2]), network([0.3, 0.0, -0.2])
    correct_priors(one, labels, weights)
    correct_priors(other, labels, 7 * np.array(weights))
    np.testing.assert_allclose(answer(one), answer(other), rtol=1e-5)
