from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from galpipe.classification.training import finetune
from galpipe.classification.training.batches import EpochViews, Recipe
from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.finetune import (
    CachedViews,
    StockedViews,
    fine_tune,
    split_at_first_trainable,
)
from galpipe.classification.training.fit import Schedule
from galpipe.classification.training.sources import Sources
from galpipe.configs import AffineAugmentation, Balance, SurveyAugmentation

from .label_rows import labels_of

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

IMAGES = 4
PLAIN = AffineAugmentation(kind="affine")
SQUARE = AffineAugmentation(kind="affine", symmetry="square")
NOISY = AffineAugmentation(kind="affine", noise=0.5)
RECIPE = Recipe(
    input_size=16,
    crop_margin=1.0,
    batch_size=8,
    views=16,
    seed=0,
    balance=Balance(class_weights=True),
    augmentation=SQUARE,
)
SCHEDULE = Schedule(epochs=2, learning_rate=0.01, optimizer="rmsprop", rate="constant")


def sources() -> Sources:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (IMAGES, 12, 12, 3)).astype(np.uint8)
    images = small.repeat(CACHE_SIZE // 12, axis=1).repeat(CACHE_SIZE // 12, axis=2)
    paths = tuple(Path(f"{number}.png") for number in range(IMAGES))
    boxes = np.tile([48.0, 48, 144, 144], (IMAGES, 1))
    labels = labels_of(np.eye(2)[[0, 0, 0, 1]])
    cutouts = Cutouts(paths, images, labels, boxes)
    return Sources(cutouts, cutouts, cutouts, cutouts.select([]), {})


def network(frozen: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(2.0, -1.0)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", trainable=not frozen)(x)
    x = keras.layers.MaxPooling2D(4)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


Fitted = tuple[keras.Model, EpochViews, np.ndarray]


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Fitted]:
    """What would be trained, and on what."""
    calls: list[Fitted] = []

    def fit(model: Any, views: Any, validation: Any, *_: Any) -> None:
        calls.append((model, views, validation[0]))

    monkeypatch.setattr(finetune, "fit", fit)
    return calls


def test_features_are_kept_or_not_and_the_training_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the 16 bits that they are kept in, features are rounded.
    monkeypatch.setattr(finetune, "CACHE_DTYPE", np.float32)
    cached, fresh = network(), network()
    keras.utils.set_random_seed(0)
    fine_tune(cached, sources(), RECIPE, SCHEDULE, tmp_path / "cached")
    monkeypatch.setattr(finetune, "LARGEST_CACHE", 1000)
    keras.utils.set_random_seed(0)
    fine_tune(fresh, sources(), RECIPE, SCHEDULE, tmp_path / "fresh")
    start = network().get_weights()
    for one, other in zip(cached.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    moved = [np.abs(a - b).max() for a, b in zip(cached.get_weights(), start, strict=True)]
    assert moved[:2] == [0, 0]
    assert min(moved[2:]) > 0.01


@pytest.mark.parametrize(("augmentation", "views"), [(PLAIN, 1), (SQUARE, 8)])
def test_all_views_of_an_image_are_computed_once(
    augmentation: AffineAugmentation, views: int, fitted: list[Fitted], tmp_path: Path
) -> None:
    recipe = replace(RECIPE, augmentation=augmentation)
    # A stock has no part in it: there is room for all.
    fine_tune(network(), sources(), recipe, SCHEDULE, tmp_path, stock_epochs=1)
    upper, batches, validation = fitted[0]
    assert isinstance(batches, CachedViews)
    assert upper.input_shape[1:] == validation.shape[1:] == (36,)
    seen = set()
    for epoch in range(20):
        batches.epoch = epoch
        seen |= {row.tobytes() for index in range(len(batches)) for row in batches[index][0]}
    assert len(seen) == IMAGES * views


@pytest.mark.parametrize(
    "change",
    [
        {"augmentation": NOISY},
        {"augmentation": SurveyAugmentation()},
        {"mixup": 0.2},
        # Fewer views are drawn than there are.
        {"views": 8},
    ],
)
def test_fresh_views_go_through_the_whole_network(
    change: dict[str, Any], fitted: list[Fitted], tmp_path: Path
) -> None:
    model = network()
    fine_tune(model, sources(), replace(RECIPE, **change), SCHEDULE, tmp_path)
    trained, views, _ = fitted[0]
    assert trained is model
    assert views[0][0].shape[1:] == (16, 16, 3)
    if "views" not in change:
        first = {row.tobytes() for row in views[0][0]}
        views.epoch = 1
        assert not first & {row.tobytes() for row in views[0][0]}


def test_a_shortcut_around_a_block_is_cut_before_the_block() -> None:
    inputs = keras.Input((4,))
    start = keras.layers.Dense(4, trainable=False)(inputs)
    active = keras.layers.ReLU()(start)
    long = keras.layers.Dense(4)(keras.layers.Dense(4)(active))
    outputs = keras.layers.Add()([long, keras.layers.Dense(4)(start)])
    model = keras.Model(inputs, outputs)
    lower, upper = split_at_first_trainable(model)
    assert lower.output is start
    points = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    whole, split = (keras.ops.convert_to_numpy(y) for y in (model(points), upper(lower([points]))))
    np.testing.assert_allclose(split, whole, atol=1e-6)


def test_nothing_is_kept_where_nothing_is_frozen(fitted: list[Fitted], tmp_path: Path) -> None:
    model = network(frozen=False)
    fine_tune(model, sources(), RECIPE, SCHEDULE, tmp_path)
    assert fitted[0][0] is model


def test_a_stock_is_all_that_the_epochs_draw_from(fitted: list[Fitted], tmp_path: Path) -> None:
    recipe = replace(RECIPE, augmentation=NOISY)
    fine_tune(network(), sources(), recipe, SCHEDULE, tmp_path, stock_epochs=2)
    upper, batches, _ = fitted[0]
    assert isinstance(batches, StockedViews)
    seen = []
    for batches.epoch in range(12):
        drawn = [batches[index] for index in range(len(batches))]
        seen.append({row.tobytes() for features, *_ in drawn for row in features})
    assert {len(epoch) for epoch in seen} == {recipe.views}
    assert seen[0] != seen[1]
    assert len(set().union(*seen)) == 2 * recipe.views
    assert upper.input_shape == (None, *drawn[0][0].shape[1:])
    assert drawn[0][2].shape == (recipe.batch_size,)
