"""Member ``cnn``: a small convolutional network, trained from random weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from ...configs import CnnDesign, CnnMember
from .batches import random_views
from .fit import fit, validation_arrays
from .member_kind import MemberKind, Outputs, TrainingJob, output_layers

__all__ = ["CNN", "build_cnn"]

MOMENTUM = 0.9
"""Momentum of the running statistics of batch normalization.

With Keras's default of 0.99 they lag behind by a hundred steps, more than a typical epoch of 80.
At high learning rates the validation loss is then computed with outdated statistics, and the best
epoch is missed.
"""


def build_cnn(
    outputs: Outputs, input_size: int = 69, design: CnnDesign | None = None
) -> keras.Model:
    """Build a small network: convolutions with ReLU and 2x2 max pooling, a dense layer, outputs.

    Batch normalization precedes each ReLU, dropout the dense layer.

    Parameters
    ----------
    outputs : int or VoteHead
        Number of classes, or the head of a network that predicts votes.
    input_size : int
        Side of the input in pixels, at least 2 to the power of the number of convolutions.
    design : CnnDesign, optional
        The layers; by default four 3x3 convolutions of 16, 32, 64, 128 filters, dense 64, dropout
        0.5 and batch normalization: 230,377 parameters for nine classes at 69 pixels.

    Returns
    -------
    keras.Model
    """
    design = design or CnnDesign()
    penalty = keras.regularizers.L1L2(design.l1, design.l2) if design.l1 or design.l2 else None
    start: dict[str, Any] = {"kernel_initializer": "he_normal", "kernel_regularizer": penalty}
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = inputs
    kernels = design.kernel_sizes * (len(design.filters) // len(design.kernel_sizes))
    for filters, kernel in zip(design.filters, kernels, strict=True):
        x = layers.Conv2D(filters, kernel, padding="same", **start)(x)
        x = layers.BatchNormalization(momentum=MOMENTUM)(x) if design.batch_norm else x
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(design.dropout)(x) if design.dropout else x
    x = layers.Dense(design.dense, **start)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x) if design.batch_norm else x
    x = layers.ReLU()(x)
    return keras.Model(inputs, output_layers(x, outputs), name="cnn")


def _train(member: CnnMember, job: TrainingJob) -> keras.Model:
    model = build_cnn(job.outputs, job.config.input_size, member)
    recipe = job.recipe(member)
    views = random_views(job.sources, recipe)
    validation = validation_arrays(job.sources.validation, recipe)
    fit(model, views, validation, job.schedule(member), job.folder / "cnn", job.progress)
    return model


def _describe(member: CnnMember) -> str:
    kernels = "/".join(f"{side}x{side}" for side in member.kernel_sizes)
    norm = "batch normalisation, " if member.batch_norm else ""
    penalty = f"L1 {member.l1:g} and L2 {member.l2:g}, " if member.l1 or member.l2 else ""
    dropout = f"dropout {member.dropout:g}, " if member.dropout else ""
    return (
        f"{len(member.filters)} {kernels} convolutions of {', '.join(map(str, member.filters))}, "
        f"each with {norm}ReLU and 2x2 max pooling; {penalty}{dropout}dense {member.dense}; "
        "from random weights"
    )


CNN = MemberKind(CnnMember, _train, _describe)
