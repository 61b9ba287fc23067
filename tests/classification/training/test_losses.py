from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from galpipe.classification.training.losses import (
    AllowedSetLoss,
    allowed_set_accuracy,
    allowed_set_loss,
)

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


def loss(
    allowed: list[list[float]], probabilities: list[list[float]], smoothing: float = 0.0
) -> np.ndarray:
    labels, given = labels_of(allowed).to_targets(), np.array(probabilities, np.float32)
    return ops.convert_to_numpy(allowed_set_loss(labels, given, smoothing))


def test_golden_values() -> None:
    probabilities = [[0.5, 0.3, 0.2]] * 4
    allowed = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    expected = [np.log(2), np.log(2), 0.0, -np.log(0.2)]
    np.testing.assert_allclose(loss(allowed, probabilities), expected, atol=1e-6)


def test_no_probability_on_the_allowed_classes_stays_finite() -> None:
    assert loss([[0.0, 1.0]], [[1.0, 0.0]])[0] == pytest.approx(-np.log(1e-7), rel=1e-5)


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=6), st.integers(0, 2))
def test_one_allowed_class_gives_the_cross_entropy(weights: list[float], true: int) -> None:
    p = np.array(weights) / sum(weights)
    allowed = np.eye(len(p))[[true]]
    np.testing.assert_allclose(
        loss(allowed.tolist(), [p.tolist()])[0], -np.log(p[true]), rtol=1e-4, atol=1e-6
    )


def test_soft_labels_are_told_from_sets() -> None:
    probabilities = [[0.5, 0.3, 0.2]] * 4
    labels = [[0.5, 0.25, 0.25], [1.0, 1.0, 0.0], [0.25, 0.0, 0.0], [0.0, 0.0, 0.0]]
    expected = [
        -0.5 * np.log(0.5) - 0.25 * np.log(0.3 * 0.2),
        -np.log(0.8),
        -0.25 * np.log(0.5),
        0.0,
    ]
    np.testing.assert_allclose(loss(labels, probabilities), expected, atol=1e-6)


@given(
    st.lists(st.floats(0.05, 1), min_size=4, max_size=4),
    st.lists(st.floats(0.05, 1), min_size=4, max_size=4),
)
def test_a_soft_label_is_met_best_by_its_own_probabilities(
    label: list[float], other: list[float]
) -> None:
    p, q = (np.array(weights) / sum(weights) for weights in (label, other))
    own, others = loss([p.tolist()] * 2, [p.tolist(), q.tolist()])
    assert own <= others + 1e-5


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=6), st.integers(0, 2), st.floats(0, 0.9))
def test_smoothing_of_one_class_is_the_usual_one(
    weights: list[float], true: int, smoothing: float
) -> None:
    p = np.array([weights], np.float32) / sum(weights)
    label = np.eye(len(weights), dtype=np.float32)[[true]]
    usual = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(label, p)
    own = AllowedSetLoss(smoothing)(labels_of(label).to_targets(), p)
    np.testing.assert_allclose(own, usual, rtol=1e-4, atol=1e-5)


def test_smoothing_of_sets_and_soft_labels() -> None:
    p = np.array([0.5, 0.3, 0.2])
    labels = [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.6, 0.0, 0.4], [0.3, 0.0, 0.2], [0.0] * 3]
    soft = -0.8 * (0.6 * np.log(0.5) + 0.4 * np.log(0.2)) - 0.2 / 3 * np.log(p).sum()
    expected = [
        -(1 - 0.2 / 3) * np.log(0.8) - 0.2 / 3 * np.log(0.2),
        0.0,
        soft,
        soft / 2,
        0.0,
    ]
    np.testing.assert_allclose(loss(labels, [p.tolist()] * 5, 0.2), expected, atol=1e-6)


def test_the_loss_is_kept_with_its_smoothing() -> None:
    restored = keras.losses.deserialize(keras.losses.serialize(AllowedSetLoss(0.3)))
    label, p = labels_of(np.eye(3)).to_targets(), np.full((3, 3), 1 / 3, np.float32)
    assert float(restored(label, p)) == float(AllowedSetLoss(0.3)(label, p))


def test_accuracy_of_soft_labels_is_that_of_their_leading_class() -> None:
    allowed = labels_of([[0.6, 0.4, 0], [0.4, 0.5, 0.1]]).to_targets()
    probabilities = np.array([[0.7, 0.2, 0.1]] * 2, np.float32)
    accuracy = ops.convert_to_numpy(allowed_set_accuracy(allowed, probabilities))
    assert accuracy.tolist() == [1, 0]


def test_accuracy_counts_any_allowed_class() -> None:
    allowed = labels_of([[1, 1, 0], [0, 0, 1], [0, 1, 1]]).to_targets()
    probabilities = np.array([[0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [0.1, 0.2, 0.7]], np.float32)
    accuracy = ops.convert_to_numpy(allowed_set_accuracy(allowed, probabilities))
    assert accuracy.tolist() == [1, 0, 1]
