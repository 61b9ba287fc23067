"""Member ``galaxy_zoo_cnn``: convolutions with few poolings and dense layers with dropout."""

from __future__ import annotations

import keras
from keras import layers

from ...configs import GalaxyZooCnnMember
from .batches import random_views
from .cnn import MOMENTUM
from .fit import fit, validation_arrays
from .fixed_layers import to_grey
from .member_kind import MemberKind, Outputs, TrainingJob, output_layers

__all__ = ["GALAXY_ZOO_CNN", "build_galaxy_zoo_cnn"]


def build_galaxy_zoo_cnn(
    outputs: Outputs, input_size: int, member: GalaxyZooCnnMember
) -> keras.Model:
    """Build the network: convolutions with ReLU, some with 2x2 max pooling, dense layers, outputs.

    Parameters
    ----------
    outputs : int or VoteHead
        Number of classes, or the head of a network that predicts votes.
    input_size : int
        Side of the input in pixels.
    member : GalaxyZooCnnMember
        Settings of the layers.

    Returns
    -------
    keras.Model
    """
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = inputs
    if member.grey:
        x = to_grey(x, "grey")

    def activated(x: keras.KerasTensor) -> keras.KerasTensor:
        x = layers.BatchNormalization(momentum=MOMENTUM)(x) if member.batch_norm else x
        active: keras.KerasTensor = layers.ReLU()(x)
        return active

    for filters, kernel, pooled in zip(
        member.filters, member.kernel_sizes, member.pooled, strict=True
    ):
        x = layers.Conv2D(filters, kernel, padding="same", kernel_initializer="he_normal")(x)
        x = activated(x)
        x = layers.MaxPooling2D()(x) if pooled else x
    x = layers.Flatten()(x)
    for units in member.dense:
        x = activated(layers.Dense(units, kernel_initializer="he_normal")(x))
        x = layers.Dropout(member.dropout)(x) if member.dropout else x
    return keras.Model(inputs, output_layers(x, outputs), name="galaxy_zoo_cnn")


def _train(member: GalaxyZooCnnMember, job: TrainingJob) -> keras.Model:
    recipe = job.recipe(member)
    model = build_galaxy_zoo_cnn(job.outputs, recipe.input_size, member)
    views = random_views(job.sources, recipe)
    validation = validation_arrays(job.sources.validation, recipe)
    folder = job.folder / "galaxy_zoo_cnn"
    fit(model, views, validation, job.schedule(member), folder, job.progress)
    return model


def _describe(member: GalaxyZooCnnMember) -> str:
    dense = (
        f"dense layers of {', '.join(map(str, member.dense))} with dropout {member.dropout:g}; "
        "from random weights"
    )
    pixels = "grey pixels, " if member.grey else ""
    if not member.filters:
        return f"{pixels}{dense}"
    kernels = ", ".join(
        f"{filters} of {side}x{side}"
        for filters, side in zip(member.filters, member.kernel_sizes, strict=True)
    )
    return (
        f"{pixels}{len(member.filters)} convolutions ({kernels}) with "
        f"{'batch normalisation and ' if member.batch_norm else ''}ReLU, {sum(member.pooled)} of "
        f"them with 2x2 max pooling; {dense}"
    )


GALAXY_ZOO_CNN = MemberKind(GalaxyZooCnnMember, _train, _describe)
