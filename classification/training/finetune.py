"""Fine-tune the upper layers of a network, and run its frozen lower layers no more than needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ...configs import AffineAugmentation
from .affine import Change, all_changes, changed_view, random_change
from .batches import Batch, EpochViews, RandomViews, Recipe, as_input, random_views
from .dataset import Cutouts
from .fit import fit, validation_arrays
from .schedule import Schedule
from .sources import Sources

__all__ = ["fine_tune"]

KEPT_IN = np.float16
"""Type of the features that are kept."""

MOST_CACHED = 2**31
"""Bytes that the features of all views may take."""


class CachedViews(RandomViews):
    """The batches of `RandomViews`, as features that were computed once for every view there is.

    Parameters
    ----------
    cutouts, weights, recipe
        As of `RandomViews`; the augmentation makes few views of an image and mixup none.
    lower : keras.Model
        The frozen layers.
    """

    def __init__(
        self,
        cutouts: Sequence[Cutouts],
        weights: Sequence[NDArray[np.float64]],
        recipe: Recipe,
        lower: keras.Model,
    ) -> None:
        super().__init__(cutouts, weights, recipe)
        changes = possible_changes(recipe)
        shape = (len(self._galaxies), len(changes), *lower.output_shape[1:])
        self._features = np.empty(shape, KEPT_IN)
        for features, (image, box) in zip(self._features, self._galaxies, strict=True):
            views = [
                changed_view(image, box, recipe.input_size, recipe.crop_margin, change)
                for change in changes
            ]
            features[:] = lower.predict_on_batch(as_input(np.stack(views)))

    def _inputs(self, rng: np.random.Generator, picks: NDArray[np.int64]) -> NDArray[np.float32]:
        settings = self._recipe.augmentation
        assert isinstance(settings, AffineAugmentation)
        changes = [random_change(rng, settings).symmetry for _ in picks]
        return self._features[picks, changes].astype(np.float32)


class StockedViews(EpochViews):
    """Batches from a stock of features, each epoch in another order.

    Parameters
    ----------
    stock : sequence of Batch
        What the frozen layers give, with labels and, where views are weighed, weights.
    recipe : Recipe
        Batch size, views in an epoch, seed.
    """

    def __init__(self, stock: Sequence[Batch], recipe: Recipe) -> None:
        super().__init__()
        self._stock = [np.concatenate(parts) for parts in zip(*stock, strict=True)]
        self._recipe = recipe

    def __len__(self) -> int:
        return -(-self._recipe.views // self._recipe.batch_size)

    def __getitem__(self, index: int) -> Batch:
        recipe = self._recipe
        order = np.random.default_rng([recipe.seed, self.epoch]).permutation(len(self._stock[0]))
        chosen = order[index * recipe.batch_size : (index + 1) * recipe.batch_size]
        features, *rest = (part[chosen] for part in self._stock)
        return (features.astype(np.float32), *rest)


def fine_tune(
    model: keras.Model,
    sources: Sources,
    recipe: Recipe,
    schedule: Schedule,
    folder: Path,
    stock_epochs: int | None = None,
) -> None:
    """Train the layers from the first trainable one on, in place.

    The frozen layers cost most of a step, and always give the same for the same view.  Where the
    views can be listed, and there are no more of them than the training draws and `MOST_CACHED`
    holds, what the frozen layers make of each is computed once.  Where they cannot, each is a new
    one, and the whole network is run; or, where a stock is asked for, the views of that many
    epochs are all there are.

    Parameters
    ----------
    model : keras.Model
        A chain of layers.
    sources : Sources
        The images.
    recipe : Recipe
        How views are drawn.
    schedule : Schedule
        How long, how fast and towards what.
    folder : Path
        For checkpoints.
    stock_epochs : int, optional
        Epochs' worth of views to keep the features of, where there are too many to keep all.
    """
    lower, upper = divide_at_first_trainable(model)
    frozen = bool(lower.weights)
    views: EpochViews
    if frozen and _can_be_cached(sources, recipe, schedule, lower):
        views = random_views(sources, recipe, partial(CachedViews, lower=lower))
    elif frozen and stock_epochs is not None:
        views = StockedViews(_stock(random_views(sources, recipe), lower, stock_epochs), recipe)
    else:
        validation = validation_arrays(sources.validation, recipe)
        fit(model, random_views(sources, recipe), validation, schedule, folder)
        return
    inputs, labels = validation_arrays(sources.validation, recipe)
    seen = lower.predict(inputs, batch_size=recipe.batch_size, verbose=0)
    fit(upper, views, (seen, labels), schedule, folder)


def possible_changes(recipe: Recipe) -> tuple[Change, ...]:
    """Return all that can happen to an image before the network sees it; none if it is endless."""
    settings = recipe.augmentation
    if recipe.mixup or not isinstance(settings, AffineAugmentation):
        return ()
    return all_changes(settings)


def divide_at_first_trainable(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the frozen lower and the trainable upper part of a chain; they share its weights."""
    start = next(i for i, layer in enumerate(model.layers) if layer.trainable_weights)
    lower = keras.Model(model.inputs, model.layers[start - 1].output, name="frozen")
    inputs = keras.Input(lower.output.shape[1:], name="features")
    x = inputs
    for layer in model.layers[start:]:
        x = layer(x)
    return lower, keras.Model(inputs, x, name=f"{model.name}_upper")


def _can_be_cached(
    sources: Sources, recipe: Recipe, schedule: Schedule, lower: keras.Model
) -> bool:
    images = len(sources.train) + len(sources.extra)
    views = images * len(possible_changes(recipe))
    size = views * int(np.prod(lower.output_shape[1:])) * np.dtype(KEPT_IN).itemsize
    return 0 < views <= schedule.epochs * recipe.views and size <= MOST_CACHED


def _stock(views: RandomViews, lower: keras.Model, epochs: int) -> list[Batch]:
    """Return the views of the first epochs as features."""
    stock: list[Batch] = []
    for epoch in range(epochs):
        views.epoch = epoch
        for index in range(len(views)):
            inputs, *rest = views[index]
            stock.append((lower.predict_on_batch(inputs).astype(KEPT_IN), *rest))
    return stock
