"""Layers of fixed weights."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

__all__ = ["fixed_convolution", "to_grey"]

# ITU-R BT.601.
_GREY = (0.299, 0.587, 0.114)


def to_grey(images: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Turn colours into grey, by the weights of ITU-R BT.601.

    Parameters
    ----------
    images : KerasTensor
        RGB, shape (N, H, W, 3).
    name : str
        Name of the layer.

    Returns
    -------
    KerasTensor
        Shape (N, H, W, 1).
    """
    return fixed_convolution(images, np.reshape(_GREY, (1, 1, 3, 1)), name)


def fixed_convolution(
    x: keras.KerasTensor, kernel: np.ndarray, name: str, activation: str | None = None
) -> keras.KerasTensor:
    """Append a convolution whose weights are not trained.

    Parameters
    ----------
    x : KerasTensor
        Shape (N, H, W, C).
    kernel : ndarray, shape (h, w, C, F)
        The weights.
    name : str
        Name of the layer.
    activation : str, optional
        Activation function.

    Returns
    -------
    KerasTensor
        Without padding, F channels.
    """
    layer = layers.Conv2D(
        kernel.shape[-1],
        kernel.shape[:2],
        activation=activation,
        use_bias=False,
        trainable=False,
        name=name,
    )
    result: keras.KerasTensor = layer(x)
    layer.set_weights([kernel.astype(np.float32)])
    return result
