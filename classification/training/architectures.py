"""The networks that are trained here, and the way VGG16 can be started from random weights.

Everything is Keras 3 without a backend's own operations: it trains on TensorFlow, JAX and PyTorch.
All networks take RGB in 0..1 and return softmax probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from ...configs import CnnDesign
from ...errors import ConfigError, InputError

__all__ = [
    "build_cnn",
    "build_vgg16",
    "build_vgg16_batch_norm",
    "fold_batch_norm",
    "freeze_below",
    "start_from_file",
]

VGG16_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and filters of each block (Simonyan & Zisserman 2014, configuration D)."""

IMAGENET_MEAN = (123.68, 116.779, 103.939)
"""Mean red, green and blue of ImageNet, which the original VGG16 subtracts."""

MOMENTUM = 0.9
"""What the running statistics of the small network's batch norms keep of themselves each step.

With Keras's 0.99 they trail a hundred steps behind, more than an epoch of the usual 80: while the
rate is high, the validation then measures a network that never was, and the best is lost."""

CONTRAST = 58.0
"""The standard deviation of an ImageNet channel: brings the input of VGG16 to order one."""


def build_cnn(
    num_classes: int, input_size: int = 69, design: CnnDesign | None = None
) -> keras.Model:
    """Return a small network: convolutions, each with ReLU and 2x2 max pooling, dense, softmax.

    Batch normalisation stands between convolution or dense layer and ReLU, dropout before the
    dense layer.

    Parameters
    ----------
    num_classes : int
        Classes.
    input_size : int
        Side of the input in pixels, at least two to the power of the number of convolutions.
    design : CnnDesign, optional
        The layers; without it four 3x3 convolutions of 16, 32, 64, 128, dense 64, dropout of one
        half and batch normalisation: with nine classes at 69 pixels 230,377 parameters.
    """
    design = design or CnnDesign()
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = inputs
    kernels = design.kernel_sizes * (len(design.filters) // len(design.kernel_sizes))
    for filters, kernel in zip(design.filters, kernels, strict=True):
        x = layers.Conv2D(filters, kernel, padding="same", **_start(design))(x)
        x = layers.BatchNormalization(momentum=MOMENTUM)(x) if design.batch_norm else x
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(design.dropout)(x) if design.dropout else x
    x = layers.Dense(design.dense, **_start(design))(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x) if design.batch_norm else x
    x = layers.ReLU()(x)
    return keras.Model(inputs, _probabilities(x, num_classes), name="cnn")


def build_vgg16(num_classes: int, input_size: int = 69, imagenet: bool = False) -> keras.Model:
    """Return VGG16 without its top, flattened into dense 64 and softmax.

    The input is standardised inside the network, so that ImageNet's weights and weights trained
    here expect the same numbers.  Without ``imagenet`` the convolutions start from He's
    initialisation.

    Raises
    ------
    ConfigError
        If the ImageNet weights are wanted and cannot be downloaded.
    """
    inputs, x = _standardised(input_size)
    try:
        backbone = keras.applications.VGG16(
            include_top=False, weights="imagenet" if imagenet else None, input_tensor=x
        )
    except Exception as error:
        if not imagenet:
            raise
        raise ConfigError(
            "the ImageNet weights of VGG16 could not be downloaded "
            f"({type(error).__name__}: {error}). Set initial_weights of the vgg16 member to the "
            "path of a downloaded vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5, to 'pretrain' "
            "(on your own labelled images) or to 'none'."
        ) from error
    if imagenet:
        _adopt_imagenet_input(backbone)
    else:
        initialise = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(0))
        for layer in _convolutions(backbone):
            layer.kernel.assign(initialise(layer.kernel.shape))
    x = layers.Flatten()(backbone.output)
    return keras.Model(inputs, _top(x, num_classes), name="vgg16")


def build_vgg16_batch_norm(num_classes: int, input_size: int = 69) -> keras.Model:
    """Return VGG16 with batch normalisation after each convolution, for training from nothing.

    Plain VGG16 hardly starts from random weights; with batch normalisation it does, and
    :func:`fold_batch_norm` afterwards turns it into plain VGG16 that computes the same.
    """
    inputs, x = _standardised(input_size)
    for block, (count, filters) in enumerate(VGG16_BLOCKS, start=1):
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            x = layers.Conv2D(
                filters, 3, padding="same", kernel_initializer="he_normal", name=name
            )(x)
            x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, _top(x, num_classes), name="vgg16_batch_norm")


def fold_batch_norm(source: keras.Model, target: keras.Model) -> None:
    """Write the convolutions of a batch-normalised VGG16, norms folded in, into a plain one.

    With ``y = gamma (w x + b - mean) / sqrt(variance + epsilon) + beta`` the kernel is multiplied
    by ``gamma / sqrt(variance + epsilon)`` and the bias follows: exact, also at the padded border.
    The top is copied too; where the target has more cells, each of them gets an equal share of what
    the source's single cell has learned.
    """
    for layer in _convolutions(target):
        kernel, bias = source.get_layer(layer.name).get_weights()
        norm = source.get_layer(f"{layer.name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        layer.set_weights([kernel * factor, (bias - mean) * factor + beta])
    kernel, bias = source.get_layer("dense").get_weights()
    dense = target.get_layer("dense")
    cells = dense.kernel.shape[0] // kernel.shape[0]
    dense.set_weights([np.tile(kernel / cells, (cells, 1)), bias])
    target.get_layer("probabilities").set_weights(source.get_layer("probabilities").get_weights())


def start_from_file(model: keras.Model, path: Path) -> None:
    """Read the weights of VGG16 from a file.

    Parameters
    ----------
    model : keras.Model
        What :func:`build_vgg16` returned.
    path : Path
        A ``.keras`` model written here, whose dense layers are taken too where they have the same
        shapes, or Keras's ``..._notop.h5`` of ImageNet weights.

    Raises
    ------
    InputError
        If the file is missing or does not hold VGG16.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file of VGG16 weights. Train it first, or set initial_weights of the "
            "vgg16 member to imagenet, pretrain or none"
        )
    try:
        if path.suffix == ".keras":
            source = keras.saving.load_model(path, compile=False, safe_mode=True)
            _copy(source, model)
        else:
            source = keras.applications.VGG16(include_top=False, weights=str(path))
            _adopt_imagenet_input(source)
            for layer in _convolutions(model):
                layer.set_weights(source.get_layer(layer.name).get_weights())
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: does not hold the weights of VGG16 ({error})") from error


def freeze_below(model: keras.Model, block: str | None) -> None:
    """Keep the convolutions of VGG16 below ``block`` as they are.

    ``block`` is "block1" to "block5", or "top" to train the dense layers alone; None trains all.
    """
    for layer in _convolutions(model):
        # In the order of the alphabet "top" stands above every block.
        layer.trainable = block is None or layer.name.split("_")[0] >= block


def _start(design: CnnDesign) -> dict[str, Any]:
    penalty = keras.regularizers.L1L2(design.l1, design.l2) if design.l1 or design.l2 else None
    return {"kernel_initializer": "he_normal", "kernel_regularizer": penalty}


def _standardised(input_size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    inputs = keras.Input((input_size, input_size, 3), name="image")
    offset = [-mean / CONTRAST for mean in IMAGENET_MEAN]
    return inputs, layers.Rescaling(255.0 / CONTRAST, offset=offset, name="standardise")(inputs)


def _top(features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    x = layers.Dense(64, activation="relu", kernel_initializer="he_normal", name="dense")(features)
    return _probabilities(x, num_classes)


def _probabilities(features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    # 16 bits would round probabilities and the logarithms of the loss.
    return layers.Dense(num_classes, activation="softmax", dtype="float32", name="probabilities")(
        features
    )


def _copy(source: keras.Model, target: keras.Model) -> None:
    for layer in _convolutions(target):
        layer.set_weights(source.get_layer(layer.name).get_weights())
    for name in ("dense", "probabilities"):
        weights = source.get_layer(name).get_weights()
        layer = target.get_layer(name)
        if [w.shape for w in weights] != [w.shape for w in layer.get_weights()]:
            # What follows has learned to read another layer than the new one.
            break
        layer.set_weights(weights)


def _convolutions(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def _adopt_imagenet_input(model: keras.Model) -> None:
    # The original wants blue, green, red in 0..255 less the mean; ours is red, green, blue and
    # divided by CONTRAST.
    layer = model.get_layer("block1_conv1")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel[:, :, ::-1] * CONTRAST, bias])
