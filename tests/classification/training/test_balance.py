from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers
from sklearn.utils.class_weight import compute_class_weight

from galpipe.classification.training.balance import (
    class_frequencies,
    class_weights,
    correct_priors,
    sampling_weights,
)
from galpipe.datasets.labels import Labels

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


SETS = labels_of([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]])
SOFT = labels_of([[0.6, 0.3, 0], [0.4, 0.4, 0], [1, 0, 0], [0, 1, 1]])


def hard(classes: list[int]) -> Labels:
    return labels_of(np.eye(max(classes) + 1)[classes])


@pytest.mark.parametrize("labels", [SETS, SOFT])
def test_classes_are_drawn_as_evenly_as_asked(labels: Labels) -> None:
    # Three images of the first class; the set is half of each of the other two.
    even = sampling_weights(labels, evenness=1)
    assert even[:3].sum() == pytest.approx(even[3] / 2)
    root = sampling_weights(labels)
    assert root[:3].sum() / (root[3] / 2) == pytest.approx(np.sqrt(3 / 0.5))
    assert len(set(sampling_weights(labels, evenness=0))) == 1


def test_the_one_galaxy_that_is_either_of_two_classes_is_no_class_of_its_own() -> None:
    labels = labels_of([[1, 0, 0]] * 20 + [[0, 1, 0]] * 5 + [[1, 1, 0]])
    even = sampling_weights(labels, evenness=1)
    assert even[0] < even[25] < even[20]
    share = even / even.sum()
    assert share[:20].sum() == pytest.approx(share[20:25].sum(), rel=0.1)
    assert share[25] < 0.06


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_single_classes_are_weighed_as_is_usual(classes: list[int]) -> None:
    weights = class_weights(hard(classes), np.full(len(classes), 1 / len(classes)))
    names = np.unique(classes)
    usual = compute_class_weight("balanced", classes=names, y=np.array(classes))
    np.testing.assert_allclose(weights, usual[np.searchsorted(names, classes)], rtol=1e-5)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_weights_are_positive_and_their_mean_is_one(
    rows: list[list[float]], evenness: float
) -> None:
    values = np.array(rows, np.float32)
    labels = labels_of(values / np.maximum(values.sum(axis=1, keepdims=True), 1))
    chance = sampling_weights(labels, evenness)
    chance /= chance.sum()
    weights = class_weights(labels, chance)
    assert (weights > 0).all()
    assert chance @ weights == pytest.approx(1, rel=1e-4)


def test_what_the_drawing_evens_out_is_not_weighed_again() -> None:
    labels = hard([0] * 16 + [1])
    for evenness, ratio in ((0, 16), (0.5, 4), (1, 1)):
        chance = sampling_weights(labels, evenness)
        weights = class_weights(labels, chance / chance.sum())
        assert weights[16] / weights[0] == pytest.approx(ratio)


def test_labels_of_several_classes_count_as_the_mean_of_them() -> None:
    labels = labels_of([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0.5, 0.25, 0]])
    weights = class_weights(labels, np.full(5, 0.2))
    first, second = weights[0], weights[2]
    # Three and a sixth images of the first class, one and five sixths of the second, no third.
    assert first == pytest.approx(5 / (2 * (2 + 1 / 2 + 2 / 3)))
    assert second == pytest.approx(5 / (2 * (1 + 1 / 2 + 1 / 3)))
    assert weights[3] == pytest.approx((first + second) / 2)
    assert weights[4] == pytest.approx((2 * first + second) / 3)
    assert class_weights(labels_of(np.zeros((2, 3))), np.full(2, 0.5)).tolist() == [1, 1]


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


def test_class_frequencies_are_of_images_with_one_class() -> None:
    labels = labels_of([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [1, 1, 0], [0.4, 0.3, 0.3]])
    # One image of each class is added.
    equal = class_frequencies(labels, np.ones(5))
    np.testing.assert_allclose(equal, np.array([3, 2, 1]) / 6)
    weighted = class_frequencies(labels, [1, 1, 2, 100, 100])
    np.testing.assert_allclose(weighted, np.array([2.5, 2.5, 1]) / 6)
    np.testing.assert_allclose(class_frequencies(labels[np.array([3, 4])], [1, 1]), 1 / 3)
