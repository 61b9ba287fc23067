"""Fine-tune the upper layers of a network on what its frozen lower layers give."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from .batches import EpochViews, Recipe, random_views
from .fit import Schedule, fit, validation_arrays
from .sources import Sources

__all__ = ["fine_tune"]

STOCK = 5
"""Epochs' worth of augmented views whose features are kept."""


class FeatureViews(EpochViews):
    """Batches from a stock of features, each epoch in another order.

    Parameters
    ----------
    features : ndarray of float16, shape (N, ...)
        What the frozen layers give.
    allowed : ndarray of float32, shape (N, C)
        1 for each class that the label allows.
    recipe : Recipe
        Batch size, views in an epoch, seed.
    """

    def __init__(
        self, features: NDArray[np.float16], allowed: NDArray[np.float32], recipe: Recipe
    ) -> None:
        super().__init__()
        self._features = features
        self._allowed = allowed
        self._recipe = recipe

    def __len__(self) -> int:
        return -(-self._recipe.views // self._recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        recipe = self._recipe
        order = np.random.default_rng([recipe.seed, self.epoch]).permutation(len(self._features))
        chosen = order[index * recipe.batch_size : (index + 1) * recipe.batch_size]
        return self._features[chosen].astype(np.float32), self._allowed[chosen]


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
        How long and how fast.
    folder : Path
        For checkpoints.
    """
    lower, upper = divide_at_first_trainable(model)
    views = random_views(sources, recipe)
    features, allowed = [], []
    for epoch in range(STOCK):
        views.epoch = epoch
        for index in range(len(views)):
            inputs, labels = views[index]
            features.append(lower.predict_on_batch(inputs).astype(np.float16))
            allowed.append(labels)
    inputs, labels = validation_arrays(sources.validation, recipe)
    seen = lower.predict(inputs, batch_size=recipe.batch_size, verbose=0)
    fit(
        upper,
        FeatureViews(np.concatenate(features), np.concatenate(allowed), recipe),
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
