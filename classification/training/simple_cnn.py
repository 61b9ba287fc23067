"""Member ``simple_cnn``: convolutions, dense layers and softmax, with noise on the input."""

from __future__ import annotations

import keras
from keras import layers

from ...configs import SimpleCnnMember
from .affine import pixel_deviation
from .batches import random_views
from .fit import fit, validation_arrays
from .member_kind import MemberKind, TrainingJob, softmax_output

__all__ = ["SIMPLE_CNN", "build_simple_cnn"]


def build_simple_cnn(
    num_classes: int, input_size: int, member: SimpleCnnMember, deviation: float
) -> keras.Model:
    """Build the network: convolutions with ReLU and 2x2 max pooling, dense layers, softmax.

    In training, noise is added to the input, and dropout precedes each dense layer but the first.

    Parameters
    ----------
    num_classes : int
        Number of classes.
    input_size : int
        Side of the input in pixels.
    member : SimpleCnnMember
        Settings of the layers.
    deviation : float
        Standard deviation of the pixels of the training images, which are in 0..1.

    Returns
    -------
    keras.Model
    """
    inputs = keras.Input((input_size, input_size, 3), name="image")
    noise = member.noise * deviation
    x = layers.GaussianNoise(noise)(inputs) if noise else inputs
    penalty = keras.regularizers.L2(member.l2) if member.l2 else None
    for filters in member.filters:
        x = layers.Conv2D(filters, member.kernel_size, activation="relu", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units in member.dense:
        x = layers.Dense(units, activation="relu", kernel_regularizer=penalty)(x)
        x = layers.Dropout(member.dropout)(x) if member.dropout else x
    return keras.Model(inputs, softmax_output(x, num_classes), name="simple_cnn")


def _train(member: SimpleCnnMember, job: TrainingJob) -> keras.Model:
    recipe = job.recipe(member)
    deviation = pixel_deviation(job.sources.train.images) / 255
    model = build_simple_cnn(job.num_classes, recipe.input_size, member, deviation)
    views = random_views(job.sources, recipe)
    validation = validation_arrays(job.sources.validation, recipe)
    folder = job.folder / "simple_cnn"
    fit(model, views, validation, job.schedule(member), folder, job.progress)
    return model


def _describe(member: SimpleCnnMember) -> str:
    side = member.kernel_size
    return (
        f"{len(member.filters)} {side}x{side} convolutions of "
        f"{', '.join(map(str, member.filters))}, each with ReLU and 2x2 max pooling; dense layers "
        f"of {', '.join(map(str, member.dense))} with dropout {member.dropout:g} and L2 "
        f"{member.l2:g}, softmax; noise of {member.noise:g} of the pixels' deviation on the input; "
        "from random weights"
    )


SIMPLE_CNN = MemberKind(SimpleCnnMember, _train, _describe)
