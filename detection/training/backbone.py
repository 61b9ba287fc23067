"""ImageNet weights for the backbones of TF-Vision's detectors, from ``keras.applications``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...configs import ARCHITECTURES
from ...errors import InputError

__all__ = ["is_norm", "load_backbone", "weighted_layers"]

Arrays = list[NDArray[np.float32]]


def load_backbone(backbone: Any, architecture: str, weights: Literal["imagenet"] | Path) -> None:
    """Load ImageNet weights into a backbone.

    Parameters
    ----------
    backbone : MobileNet or EfficientNet
        Backbone of a model from `~galpipe.detection.training.architectures.build_model`; changed in
        place.
    architecture : str
        Name in `~galpipe.configs.ARCHITECTURES`.
    weights : "imagenet" or Path
        ``"imagenet"`` downloads the weights of Keras; a path is a ``.weights.h5`` (or older
        ``.h5``) file of the network of ``keras.applications`` with ``include_top=False``:
        MobileNetV2, or EfficientNetB0 to B2 for EfficientDet-D0 to D2.  Such files contain only
        arrays: nothing in them is executed.

    Raises
    ------
    InputError
        If the weights cannot be loaded or do not fit.
    """
    network = ARCHITECTURES[architecture].backbone
    layers = list(weighted_layers(backbone))
    arrays = _keras_arrays(network, weights)
    if len(layers) != len(arrays):
        raise InputError(
            f"{weights}: holds {len(arrays)} layers, {network} has {len(layers)}; "
            f"give the weights of keras.applications.{network}(include_top=False)"
        )
    for layer, values in zip(layers, arrays, strict=True):
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if shapes != [value.shape for value in values[: len(shapes)]]:
            raise InputError(
                f"{weights}: holds weights of shape {values[0].shape} where {network} has "
                f"{shapes[0]}; give the weights of width 1.0"
            )
        layer.set_weights(_with_epsilon(values, layer.epsilon) if is_norm(layer) else values)


def weighted_layers(backbone: Any) -> Iterator[Any]:
    """Yield the convolutions and batch norms of a backbone, from input to output.

    Parameters
    ----------
    backbone : MobileNet or EfficientNet
    """
    # The EfficientNet is nested after a colour normalization.
    for layer in getattr(backbone, "network", backbone).layers:
        if not hasattr(layer, "_conv0"):
            yield from [layer] if layer.weights else []
            continue
        for number in range(3):
            convolution = getattr(layer, f"_conv{number}", None)
            if number == 2 and getattr(layer, "_squeeze_excitation", None):
                yield layer._squeeze_excitation._se_reduce
                yield layer._squeeze_excitation._se_expand
            # The expansion of the first block is not built.
            if convolution is not None and convolution.built:
                yield convolution
                yield getattr(layer, f"_norm{number}")


def is_norm(layer: Any) -> bool:
    """Return whether a layer is a batch norm.

    Parameters
    ----------
    layer : Layer
    """
    return hasattr(layer, "moving_mean")


def _keras_arrays(network: str, weights: Literal["imagenet"] | Path) -> list[Arrays]:
    """Return the arrays of each layer of a Keras network; batch norms end with their epsilon."""
    import keras

    try:
        model = getattr(keras.applications, network)(
            include_top=False,
            weights=weights if weights == "imagenet" else str(weights),
            # The weights do not depend on the size, but Keras warns of others.
            input_shape=(224, 224, 3),
        )
    except Exception as error:
        # Download, HDF5 reader and shape check raise different exceptions.
        cure = (
            "they are downloaded from storage.googleapis.com: check the network, or set "
            "backbone_weights to a file or to none"
            if weights == "imagenet"
            else f"give a weights file of keras.applications.{network}(include_top=False)"
        )
        raise InputError(
            f"backbone weights '{weights}' cannot be loaded ({error}); {cure}"
        ) from error
    layers: list[Arrays] = []
    for layer in model.layers:
        # The convolution of the classifier, which EfficientDet omits.
        if layer.name == "top_conv":
            break
        arrays = [np.asarray(weight) for weight in layer.get_weights()]
        # Our backbone normalizes colours in a separate layer.
        if arrays and not isinstance(layer, keras.layers.Normalization):
            epsilon = [np.asarray(layer.epsilon, np.float32)] if is_norm(layer) else []
            layers.append([*arrays, *epsilon])
    return layers


def _with_epsilon(statistics: Arrays, epsilon: float) -> Arrays:
    """Adapt the variance of a batch norm to another epsilon, so that its function is unchanged."""
    gamma, beta, mean, variance, keras_epsilon = statistics
    return [gamma, beta, mean, variance + keras_epsilon - np.float32(epsilon)]
