"""Give VGG16 a start on galaxies where ImageNet's weights are not wanted or not to be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras

from .architectures import build_vgg16, build_vgg16_batch_norm, fold_batch_norm
from .batches import Recipe, random_views
from .fit import fit, validation_arrays
from .schedule import Schedule
from .sources import Sources

__all__ = ["pretrain_vgg16"]

SMALL_SIZE = 45
"""Input of the pre-training: VGG16 costs 0.4 of 69 pixels' time there, and its five poolings leave
one cell."""

LEARNING_RATE = 3e-4
"""Peak; at the end a fiftieth of it is left.  At 1e-3 the network hardly learns: after eight epochs
it still gives every galaxy the same probabilities."""


def pretrain_vgg16(sources: Sources, recipe: Recipe, epochs: int, folder: Path) -> keras.Model:
    """Train VGG16 whole on certain and partial labels together, and return it as plain VGG16.

    It is trained with batch normalisation, which makes it start from random weights at all, on
    small views; the norms are folded into the convolutions at the end.

    Parameters
    ----------
    sources : Sources
        The images.
    recipe : Recipe
        How views are drawn.
    epochs : int
        Epochs.
    folder : Path
        For checkpoints; an interrupted training goes on from there.

    Returns
    -------
    keras.Model
        What :func:`build_vgg16` returns, for views of ``recipe.input_size``; also written as
        ``pretrained.keras``.
    """
    finished = folder / "pretrained.keras"
    if finished.is_file():
        return keras.saving.load_model(finished, compile=False)
    num_classes = sources.train.labels.num_classes
    small = replace(recipe, input_size=min(SMALL_SIZE, recipe.input_size))
    network = build_vgg16_batch_norm(num_classes, small.input_size)
    fit(
        network,
        random_views(sources, small),
        validation_arrays(sources.validation, small),
        Schedule(epochs, LEARNING_RATE, final=0.02),
        folder / "vgg16 pre-training",
    )
    plain = build_vgg16(num_classes, recipe.input_size)
    fold_batch_norm(network, plain)
    plain.save(finished)
    return plain
