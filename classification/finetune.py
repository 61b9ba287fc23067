"""Fine-tune the upper layers of a network on what its frozen lower layers give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from .batches import Batch, EpochViews, Recipe, random_views
from .fit import fit, validation_arrays
from .schedule import Schedule
from .sources import Sources

__all__ = ["fine_tune"]

STOCK = 5
"""Epochs' worth of augmented views whose features are kept."""


class FeatureViews(EpochViews):
    """Batches from a stock of features, each epoch in another order.

    Parameters
    ----------
    stock : sequence of Batch
        What the frozen layers give, as float16, with labels and, where views are weighed, weights.
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
    model: keras.Model, sources: Sources, recipe: Recipe, schedule: Schedule, folder: Path
) -> None:
    """Train the layers from the first trainable one on, in place.

    The frozen layers cost most of a step and always give the same for the same view: they are run
    once over a stock of augmented views, and only what follows them is trained.

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
    """
    lower, upper = divide_at_first_trainable(model)
    views = random_views(sources, recipe)
    stock = []
    for epoch in range(STOCK):
        views.epoch = epoch
        for index in range(len(views)):
            inputs, *rest = views[index]
            stock.append((lower.predict_on_batch(inputs).astype(np.float16), *rest))
    inputs, labels = validation_arrays(sources.validation, recipe)
    seen = lower.predict(inputs, batch_size=recipe.batch_size, verbose=0)
    fit(
        upper,
        FeatureViews(stock, recipe),
        (seen, labels),
        schedule,
        folder,
    )


def divide_at_first_trainable(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the frozen lower and the trainable upper part of a chain; they share its weights."""
    start = next(i for i, layer in enumerate(model.layers) if layer.trainable_weights)
    lower = keras.Model(model.inputs, model.layers[start - 1].output, name="frozen")
    inputs = keras.Input(lower.output.shape[1:], name="features")
    x = inputs
    for layer in model.layers[start:]:
        x = layer(x)
    return lower, keras.Model(inputs, x, name=f"{model.name}_upper")
