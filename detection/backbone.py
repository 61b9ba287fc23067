"""Give a TF-Vision MobileNetV2 the weights of Keras's MobileNetV2."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["load_backbone", "refresh_statistics"]

Arrays = list[NDArray[np.float32]]


def load_backbone(backbone: Any, weights: Literal["imagenet"] | Path) -> None:
    """Load ImageNet weights into a backbone.

    Parameters
    ----------
    backbone : MobileNet
        TF-Vision's MobileNetV2, filled in place.
    weights : "imagenet" or Path
        ``"imagenet"`` lets Keras download its own; a path is a ``.weights.h5`` (or Keras's older
        ``.h5``) file of ``keras.applications.MobileNetV2(include_top=False)``.  HDF5 holds arrays
        only: nothing in such a file is executed.

    Raises
    ------
    InputError
        If the weights cannot be had or do not fit.
    """
    pairs = list(_convolutions(backbone))
    convolutions, norms = _keras_arrays(weights)
    if len(pairs) != len(convolutions) or len(pairs) != len(norms):
        raise InputError(
            f"{weights}: holds {len(convolutions)} convolutions, MobileNetV2 has {len(pairs)}; "
            "give the weights of keras.applications.MobileNetV2(include_top=False)"
        )
    for (convolution, norm), kernel, statistics in zip(pairs, convolutions, norms, strict=True):
        if tuple(convolution.weights[0].shape) != kernel.shape:
            raise InputError(
                f"{weights}: a kernel of shape {kernel.shape} stands where MobileNetV2 1.0 has "
                f"{tuple(convolution.weights[0].shape)}; give the weights of width 1.0"
            )
        convolution.set_weights([kernel])
        norm.set_weights(_same_function(statistics, norm.epsilon))


def refresh_statistics(backbone: Any, batches: Iterable[Any]) -> None:
    """Measure the batch norms' statistics on these images without changing what they compute.

    A file whose batch norms were folded into the convolutions has lost the statistics: training,
    which normalises by the batch, would then start from another function than inference.  Mean m
    and variance v of every batch norm's input are measured; with the norm's slope a and intercept
    b at inference, ``gamma = a * sqrt(v + epsilon)``, ``beta = b + a * m``, ``moving_mean = m`` and
    ``moving_variance = v`` leave a and b as they were.

    Parameters
    ----------
    backbone : MobileNet
    batches : iterable of tensor
        A few batches of scaled training images.
    """
    import tensorflow as tf

    norms = [norm for _, norm in _convolutions(backbone)]
    sums: dict[int, list[Any]] = {id(norm): [] for norm in norms}
    originals = {id(norm): norm.call for norm in norms}

    def watch(norm: Any) -> Any:
        def call(inputs: Any, *arguments: Any, **options: Any) -> Any:
            sums[id(norm)].append(tf.nn.moments(inputs, [0, 1, 2]))
            return originals[id(norm)](inputs, *arguments, **options)

        return call

    for norm in norms:
        norm.call = watch(norm)
    try:
        for images in batches:
            backbone(images, training=False)
    finally:
        for norm in norms:
            del norm.call
    for norm in norms:
        means = np.stack([mean.numpy() for mean, _ in sums[id(norm)]])
        variances = np.stack([variance.numpy() for _, variance in sums[id(norm)]])
        mean = means.mean(axis=0)
        variance = variances.mean(axis=0) + means.var(axis=0)
        gamma, beta, old_mean, old_variance = norm.get_weights()
        slope = gamma / np.sqrt(old_variance + norm.epsilon)
        intercept = beta - slope * old_mean
        norm.set_weights(
            [
                slope * np.sqrt(variance + norm.epsilon),
                intercept + slope * mean,
                mean,
                variance,
            ]
        )


def _convolutions(backbone: Any) -> Iterable[tuple[Any, Any]]:
    """Yield each convolution of a TF-Vision MobileNet with its batch norm, from input to output."""
    for block in backbone.layers:
        for number in range(3):
            convolution = getattr(block, f"_conv{number}", None)
            # The first block has an expansion that is never built.
            if convolution is not None and convolution.built:
                yield convolution, getattr(block, f"_norm{number}")


def _keras_arrays(weights: Literal["imagenet"] | Path) -> tuple[Arrays, list[Arrays]]:
    import keras

    try:
        model = keras.applications.MobileNetV2(
            include_top=False,
            weights=weights if weights == "imagenet" else str(weights),
            # Another size would make Keras warn; the weights do not depend on it.
            input_shape=(224, 224, 3),
        )
    except Exception as error:
        # Keras raises what its downloader, its HDF5 reader or its shape check happen to raise.
        cure = (
            "they are downloaded from storage.googleapis.com: check the network, or set "
            "backbone_weights to a file or to none"
            if weights == "imagenet"
            else "give a weights file of keras.applications.MobileNetV2(include_top=False)"
        )
        raise InputError(
            f"backbone weights '{weights}' cannot be loaded ({error}); {cure}"
        ) from error
    convolutions: Arrays = []
    norms: list[Arrays] = []
    for layer in model.layers:
        arrays = [np.asarray(weight) for weight in layer.get_weights()]
        if len(arrays) == 4:
            norms.append([*arrays, np.float32(layer.epsilon)])  # type: ignore[list-item]
        elif arrays:
            convolutions.append(arrays[0])
    return convolutions, norms


def _same_function(statistics: Arrays, epsilon: float) -> Arrays:
    """Turn a batch norm of Keras's epsilon into one of ours."""
    gamma, beta, mean, variance, keras_epsilon = statistics
    return [gamma, beta, mean, variance + keras_epsilon - np.float32(epsilon)]
