"""Small networks to look into, of which everything, or enough, is known."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from galpipe.classification.explain import ExplainedNetwork
from galpipe.configs import InputScaling

SIDE = 16
UNIT = InputScaling(scale=1 / 255, offset=0)


def explained(network: keras.Model, scaling: InputScaling = UNIT) -> ExplainedNetwork:
    return ExplainedNetwork(network, scaling, Path("made.keras"))


def colour_network() -> keras.Model:
    """Red speaks for the first of two classes, green against it.

    The only convolution takes the red and the green channel apart, each less 0.1; their means over
    the picture lead to the classes.
    """
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    convolution = layers.Conv2D(2, 1, activation="relu", name="convolution")
    dense = layers.Dense(2, activation="softmax", name="probabilities")
    outputs = dense(layers.GlobalAveragePooling2D(name="mean")(convolution(inputs)))
    network = keras.Model(inputs, outputs, name="colours")
    convolution.set_weights([np.eye(3, 2, dtype=np.float32)[None, None], np.full(2, -0.1)])
    dense.set_weights([np.array([[4, 0], [-2, 0]], np.float32), np.zeros(2)])
    return network


def deep_network(classes: int = 3) -> keras.Model:
    """Several sizes, normalisation, and a flattened head, for which places differ."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = inputs
    for place, filters in enumerate((4, 6), start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"convolution_{place}")(x)
        x = layers.BatchNormalization(name=f"norm_{place}")(x)
        x = layers.ReLU(name=f"relu_{place}")(x)
        x = layers.MaxPooling2D(name=f"pool_{place}")(x)
    x = layers.Dropout(0.5, name="dropout")(layers.Flatten(name="flat")(x))
    outputs = layers.Dense(classes, activation="softmax", name="top")(x)
    return keras.Model(inputs, outputs, name="deep")


def red_and_green() -> np.ndarray:
    """Two pictures: a red rectangle on black, and the same on green."""
    pictures = np.zeros((2, SIDE, SIDE, 3), np.float32)
    pictures[1, ..., 1] = 0.5
    pictures[:, 2:6, 3:8] = [1, 0, 0]
    return pictures
