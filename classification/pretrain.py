"""Give VGG16 a start on galaxies where ImageNet's weights are not wanted or not to be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from .batches import Recipe, random_views
from .fit import Schedule, fit, validation_arrays
from .sources import Sources
from .zoo import build_vgg16, build_vgg16_batch_norm, fold_batch_norm

__all__ = ["pretrain_vgg16"]

SMALL_SIZE = 45
"""Input of the first epochs: VGG16 costs 0.4 of 69 pixels' time there, and its five poolings leave
one cell."""

SMALL_SHARE = 0.8
"""Share of the epochs on small views."""

LEARNING_RATE = 1e-3
"""Peak of the first stage; the second peaks at a third of it."""


def pretrain_vgg16(
    sources: Sources,
    recipe: Recipe,
    epochs: int,
    folder: Path,
) -> keras.Model:
    """Train VGG16 whole on certain and partial labels together, and return it as plain VGG16.

    It is trained with batch normalisation, which makes it start from random weights at all, first
    on small then on full views; the norms are folded into the convolutions at the end.

    Parameters
    ----------
    sources : Sources
        The images.
    recipe : Recipe
        How views are drawn.
    epochs : int
        Epochs in all, four fifths of them on small views.
    folder : Path
        For checkpoints; an interrupted training goes on from there.

    Returns
    -------
    keras.Model
        What :func:`build_vgg16` returns, trained; also written as ``pretrained.keras``.
    """
    finished = folder / "pretrained.keras"
    if finished.is_file():
        return keras.saving.load_model(finished, compile=False)
    num_classes = sources.train.allowed.shape[1]
    first = round(epochs * SMALL_SHARE)
    small = replace(recipe, input_size=min(SMALL_SIZE, recipe.input_size))
    network = build_vgg16_batch_norm(num_classes, small.input_size)
    trained = folder / "small.weights.h5"
    if trained.is_file():
        network.load_weights(trained)
    else:
        fit(
            network,
            random_views(sources, small),
            validation_arrays(sources.validation, small),
            Schedule(first, LEARNING_RATE, final=0.2),
            folder / "vgg16 small views",
        )
        network.save_weights(trained)
    grown = build_vgg16_batch_norm(num_classes, recipe.input_size)
    _grow(network, grown)
    fit(
        grown,
        random_views(sources, replace(recipe, seed=recipe.seed + 1)),
        validation_arrays(sources.validation, recipe),
        Schedule(epochs - first, LEARNING_RATE / 3),
        folder / "vgg16 full views",
    )
    plain = build_vgg16(num_classes, recipe.input_size)
    fold_batch_norm(grown, plain)
    plain.save(finished)
    return plain


def _grow(source: keras.Model, target: keras.Model) -> None:
    for layer in target.layers:
        weights = source.get_layer(layer.name).get_weights() if layer.weights else []
        if layer.name == "dense":
            # The small network's one cell serves for every cell of the larger, at an equal share.
            kernel, bias = weights
            cells = layer.kernel.shape[0] // kernel.shape[0]
            weights = [np.tile(kernel / cells, (cells, 1)), bias]
        if weights:
            layer.set_weights(weights)
