from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from galpipe.classification.training.batches import (
    RandomViews,
    Recipe,
    as_input,
    mix,
    random_views,
    validation_views,
)
from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.losses import allowed_set_loss
from galpipe.classification.training.sources import Sources
from galpipe.configs import AffineAugmentation, Balance, SurveyAugmentation
from galpipe.datasets.labels import Labels

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


RECIPE = Recipe(input_size=16, crop_margin=1.5, batch_size=8, views=20, seed=0)


def grey(*levels: int) -> Cutouts:
    """Pictures of one grey each; the label of the last is a set."""
    images = np.empty((len(levels), CACHE_SIZE, CACHE_SIZE, 3), np.uint8)
    images[:] = np.array(levels).reshape(-1, 1, 1, 1)
    allowed = np.tile(np.array([1, 0, 0], np.float32), (len(levels), 1))
    allowed[-1] = [0, 1, 1]
    boxes = np.tile([48.0, 72, 144, 120], (len(levels), 1))
    paths = tuple(Path(f"{level}.png") for level in levels)
    return Cutouts(paths, images, labels_of(allowed), boxes)


CUTOUTS = grey(10, 20, 30, 40)


def test_batches_follow_seed_and_epoch_alone() -> None:
    views = RandomViews([CUTOUTS], [np.ones(4)], RECIPE)
    assert len(views) == 3
    inputs, allowed = views[1]
    assert inputs.shape == (8, 16, 16, 3)
    assert inputs.dtype == np.float32
    assert 0 <= inputs.min() <= inputs.max() <= 1
    assert allowed.shape == (8, 4)
    again = RandomViews([CUTOUTS], [np.ones(4)], RECIPE)
    np.testing.assert_array_equal(inputs, again[1][0])
    views.epoch = 1
    assert (inputs != views[1][0]).any()


def test_weights_choose_among_sources() -> None:
    first, second = CUTOUTS.select([0]), CUTOUTS.select([3])
    views = RandomViews([first, second], [np.zeros(1), np.ones(1)], RECIPE)
    assert (views[0][1] == [0, 1, 1, 1]).all()


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_no_view_is_of_an_image_held_back(mixup: float) -> None:
    sources = Sources(
        train=grey(10, 20, 30),
        validation=grey(100, 110),
        test=grey(140, 150),
        extra=grey(40, 50),
        external={"other": grey(200, 210)},
    )
    plain = AffineAugmentation(kind="affine", rotation=180, symmetry="square")
    recipe = replace(RECIPE, views=200, augmentation=plain, mixup=mixup)
    views = random_views(sources, recipe)
    levels = np.concatenate([views[i][0] for i in range(len(views))]).max(axis=(1, 2, 3)) * 255
    assert levels.max() <= 50.001
    if not mixup:
        assert set(np.round(levels)) == {10, 20, 30, 40, 50}


def test_evenness_decides_how_often_a_rare_label_is_drawn() -> None:
    sources = Sources(grey(*range(16, 33)), CUTOUTS, CUTOUTS, CUTOUTS.select([]), {})
    # One image of two classes, against sixteen of one.
    for evenness, share in ((0, 1 / 17), (0.5, 0.261), (1, 2 / 3)):
        recipe = replace(RECIPE, views=640, balance=Balance(evenness=evenness))
        views = random_views(sources, recipe)
        labels = np.concatenate([views[i][1] for i in range(len(views))])
        assert labels[:, 1].mean() == pytest.approx(share, abs=0.06)


def test_class_weights_come_with_the_views() -> None:
    balance = Balance(evenness=0, class_weights=True)
    recipe = replace(RECIPE, balance=balance)
    views = random_views(Sources(CUTOUTS, CUTOUTS, CUTOUTS, CUTOUTS.select([]), {}), recipe)
    for index in range(len(views)):
        _, allowed, weights = views[index]
        # Three of the first class; the set is half of each of the other two.
        expected = np.where(allowed[:, 0] == 1, 4 / (3 * 3), 4 / (3 * 0.5))
        np.testing.assert_allclose(weights, expected, rtol=1e-5)
        assert weights.dtype == np.float32


def test_whole_images_are_watched_only_where_they_are_trained_on() -> None:
    crops = CUTOUTS.crops(16, 1.5)
    affine = validation_views(CUTOUTS, 16, 1.5, AffineAugmentation(kind="affine", noise=0.1))
    np.testing.assert_array_equal(affine[0], crops)
    np.testing.assert_array_equal(affine[1].values, CUTOUTS.labels.values)
    views, labels = validation_views(CUTOUTS, 16, 1.5, SurveyAugmentation())
    np.testing.assert_array_equal(views, np.concatenate([crops, CUTOUTS.whole(16)]))
    np.testing.assert_array_equal(labels.values, np.concatenate([CUTOUTS.labels.values] * 2))


def test_input_is_zero_to_one() -> None:
    assert as_input(np.array([[0, 255]], np.uint8)).tolist() == [[0, 1]]


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
