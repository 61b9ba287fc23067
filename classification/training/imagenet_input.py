"""Input of the networks that were trained on ImageNet with Caffe: VGG16 and ResNet50.

The originals take blue, green and red in 0..255 minus the mean.  The networks here take red, green
and blue in 0..1, which they standardize, so that the same crops serve all networks.
"""

from __future__ import annotations

import keras
from keras import layers

__all__ = ["adapt_to_rgb", "standardized_input"]

IMAGENET_MEAN = (123.68, 116.779, 103.939)
"""Mean red, green and blue of ImageNet."""

CONTRAST = 58.0
"""Standard deviation of ImageNet pixels, by which the input is divided."""


def standardized_input(input_size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of a network, RGB in 0..1, and this input standardized.

    Parameters
    ----------
    input_size : int
        Side of the input in pixels.
    """
    inputs = keras.Input((input_size, input_size, 3), name="image")
    offset = [-mean / CONTRAST for mean in IMAGENET_MEAN]
    return inputs, layers.Rescaling(255.0 / CONTRAST, offset=offset, name="standardise")(inputs)


def adapt_to_rgb(convolution: layers.Conv2D) -> None:
    """Adapt the first convolution of an original network to the standardized input.

    Parameters
    ----------
    convolution : Conv2D
        The layer, changed in place.
    """
    kernel, *bias = convolution.get_weights()
    convolution.set_weights([kernel[:, :, ::-1] * CONTRAST, *bias])
