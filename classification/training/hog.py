"""Histograms of oriented gradients as layers of a network, which LiteRT runs everywhere."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from .fixed_layers import fixed_convolution, to_grey

__all__ = ["hog_features"]

ORIENTATIONS = 9
CELL = 8
"""Side of a cell in pixels."""
BLOCK = 2
"""Side of a block in cells."""


def hog_features(images: keras.KerasTensor) -> keras.KerasTensor:
    """Append histograms of oriented gradients, with fixed weights.

    As Dalal and Triggs (2005, "Histograms of oriented gradients for human detection"): nine
    unsigned orientations, weighted by the gradient and interpolated between neighbouring ones, in
    cells of 8 pixels; blocks of 2 x 2 cells have length 1.

    Parameters
    ----------
    images : KerasTensor
        RGB in 0..1, shape (N, S, S, 3), at least 16 pixels wide.

    Returns
    -------
    KerasTensor
        Shape (N, F).
    """
    angles = np.pi * (np.arange(ORIENTATIONS) + 0.5) / ORIENTATIONS
    grey = to_grey(images, "hog_grey")
    # Central differences along each direction and against it.
    directions = np.zeros((3, 3, 1, 2 * ORIENTATIONS))
    for index, angle in enumerate(angles):
        for place, sign in ((index, 1), (index + ORIENTATIONS, -1)):
            directions[1, (0, 2), 0, place] = np.array([-1, 1]) * sign * np.cos(angle)
            directions[(0, 2), 1, 0, place] = np.array([-1, 1]) * sign * np.sin(angle)
    signed = fixed_convolution(grey, directions, "hog_gradients", activation="relu")
    both = np.concatenate([np.eye(ORIENTATIONS)] * 2).reshape(1, 1, 2 * ORIENTATIONS, ORIENTATIONS)
    along = fixed_convolution(signed, both, "hog_orientations")
    height, width = along.shape[1:3]
    listed = layers.Reshape((height * width, ORIENTATIONS, 1), name="hog_listed")(along)
    largest = layers.MaxPooling2D((1, ORIENTATIONS), name="hog_largest")(listed)
    # A gradient between two directions votes for both, one along a direction for this alone.
    least = -np.cos(np.pi / ORIENTATIONS) * np.ones((1, 1, 1, ORIENTATIONS))
    largest = layers.Reshape((height, width, 1), name="hog_magnitude")(largest)
    votes = layers.Add(name="hog_difference")(
        [along, fixed_convolution(largest, least, "hog_least")]
    )
    votes = layers.ReLU(name="hog_votes")(votes)
    cells = layers.AveragePooling2D(CELL, name="hog_cells")(votes)
    gathered = np.zeros((BLOCK, BLOCK, ORIENTATIONS, BLOCK * BLOCK * ORIENTATIONS))
    for place in range(BLOCK * BLOCK):
        start = place * ORIENTATIONS
        row, column = divmod(place, BLOCK)
        gathered[row, column, :, start : start + ORIENTATIONS] = np.eye(ORIENTATIONS)
    blocks = fixed_convolution(cells, gathered, "hog_blocks")
    blocks = layers.UnitNormalization(axis=-1, name="hog_normalized")(blocks)
    features: keras.KerasTensor = layers.Flatten(name="hog")(blocks)
    return features
