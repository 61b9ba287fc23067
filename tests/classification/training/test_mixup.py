from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from galpipe.classification.training.batches import mix
from galpipe.classification.training.losses import allowed_set_loss
from galpipe.datasets.labels import Labels

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow

LABELS = labels_of([[1, 0, 0], [0, 1, 1], [0.2, 0.5, 0.3], [0, 0, 1], [0.25, 0, 0]])
PROBABILITIES = np.array([0.5, 0.3, 0.2], np.float32)


def loss(labels: Labels) -> np.ndarray:
    given = np.broadcast_to(PROBABILITIES, labels.values.shape)
    return ops.convert_to_numpy(allowed_set_loss(labels.to_targets(), given))


@given(st.integers(0, 1000), st.floats(0.05, 5))
def test_the_loss_of_a_blend_is_the_blend_of_the_losses(seed: int, alpha: float) -> None:
    # Each view is its own unit vector: a blended one tells who was blended, and how much.
    weights = np.array([1, 2, 3, 0.5, 1], np.float32)
    arguments = np.eye(5, dtype=np.float32), LABELS, weights
    inputs, labels, counts = mix(np.random.default_rng(seed), *arguments, alpha)
    np.testing.assert_allclose(counts * loss(labels), inputs @ (weights * loss(LABELS)), atol=1e-4)
    np.testing.assert_allclose(counts, inputs @ weights, rtol=1e-4)
    np.testing.assert_array_equal(arguments[0], np.eye(5))


def test_sets_of_classes_are_not_blended() -> None:
    rng = np.random.default_rng(0)
    inputs, labels, _ = mix(rng, np.eye(5, dtype=np.float32), LABELS, np.ones(5, np.float32), 0.4)
    assert inputs[1].tolist() == [0, 1, 0, 0, 0]
    assert labels.values[1].tolist() == [0, 1, 1]
    assert not inputs[[0, 2, 3, 4], 1].any()


def test_pictures_are_blended_whole() -> None:
    pictures = np.zeros((2, 4, 4, 3), np.float32)
    pictures[1] = 1
    for seed in range(4):
        blended, labels, _ = mix(
            np.random.default_rng(seed),
            pictures,
            labels_of(np.eye(2)),
            np.ones(2, np.float32),
            1.0,
        )
        np.testing.assert_allclose(blended.min(axis=(1, 2, 3)), blended.max(axis=(1, 2, 3)))
        np.testing.assert_allclose(blended[:, 0, 0, 0], labels.values[:, 1], atol=1e-6)
