from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.classification.training.ensemble_weights import search_weights, weight_grid
from galpipe.classification.training.losses import allowed_set_accuracy

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow

LABELS = labels_of(np.eye(2)[[0, 0, 1, 1]])


def sure_of_first(*values: float) -> list[list[float]]:
    return [[value, 1 - value] for value in values]


@pytest.mark.parametrize("members", [1, 2, 3, 5])
def test_the_grid_holds_every_sum_of_tenths_once(members: int) -> None:
    grid = weight_grid(members)
    assert grid.shape == (comb(9 + members, members - 1), members)
    assert len(np.unique(grid, axis=0)) == len(grid)
    np.testing.assert_allclose(grid.sum(axis=1), 1)
    np.testing.assert_allclose(grid * 10, np.round(grid * 10))
    assert grid.min() >= 0


def test_members_that_are_right_about_different_images_share() -> None:
    # The first is wrong about the third image, the second about the first, each by a little.
    first = sure_of_first(0.9, 0.8, 0.6, 0.1)
    second = sure_of_first(0.45, 0.6, 0.3, 0.2)
    weights = search_weights(np.array([first, second], np.float32), LABELS)
    mixed = np.tensordot(weights, np.array([first, second]), axes=1)
    assert (mixed.argmax(axis=1) == [0, 0, 1, 1]).all()
    # 0.6 x 0.6 + 0.4 x 0.3 is under one half for the third only up to a weight of 0.6; of the
    # weights that are right about all, the loss takes the highest for the surer first member.
    np.testing.assert_allclose(weights, [0.6, 0.4])


def test_a_member_that_only_harms_gets_nothing() -> None:
    right, wrong = sure_of_first(0.9, 0.9, 0.1, 0.1), sure_of_first(0.1, 0.1, 0.9, 0.9)
    weights = search_weights(np.array([wrong, right], np.float32), LABELS)
    np.testing.assert_allclose(weights, [0, 1])


def test_one_member_gets_all() -> None:
    given = np.array([sure_of_first(0.1, 0.2, 0.3, 0.4)], np.float32)
    assert search_weights(given, LABELS).tolist() == [1.0]


def test_a_partial_label_is_met_by_any_of_its_classes() -> None:
    allowed = labels_of([[1, 1, 0], [0, 0, 1]])
    third = [[0.1, 0.1, 0.8], [0.1, 0.1, 0.8]]
    second = [[0.0, 0.9, 0.1], [0.2, 0.5, 0.3]]
    weights = search_weights(np.array([third, second], np.float32), allowed)
    mixed = np.tensordot(weights, np.array([third, second]), axes=1)
    assert mixed.argmax(axis=1).tolist() == [1, 2]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 12), st.integers(2, 5))
def test_no_member_alone_is_better_than_the_ensemble(
    seed: int, members: int, images: int, classes: int
) -> None:
    rng = np.random.default_rng(seed)
    given = rng.dirichlet(np.ones(classes), (members, images)).astype(np.float32)
    labels = labels_of(np.eye(classes)[rng.integers(0, classes, images)])
    mixed = np.tensordot(search_weights(given, labels).astype(np.float32), given, axes=1)

    def accuracy(probabilities: np.ndarray) -> float:
        return float(np.mean(allowed_set_accuracy(labels.to_targets(), probabilities)))

    assert accuracy(mixed) >= max(accuracy(alone) for alone in given) - 1e-6
