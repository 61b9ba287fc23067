"""Member ``vgg16``: VGG16, fine-tuned from ImageNet, from galaxies or from a file.

It can be trained on all Keras backends: TensorFlow, JAX and PyTorch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ...configs import ClassifierTraining, Vgg16Member
from ...errors import ConfigError, InputError
from .batches import random_views
from .bundle_weights import copy_bundle_weights
from .checkpoints import load_network, save_network
from .finetune import fine_tune_member
from .fit import Schedule, fit, validation_arrays
from .imagenet_input import adapt_to_rgb, standardized_input
from .initial_weights import describe_start, find_network, is_bundle
from .keras_reader import check_weights_file, read_keras_network
from .member_kind import MemberKind, TrainingJob, softmax_output

__all__ = [
    "VGG16",
    "build_vgg16",
    "build_vgg16_batch_norm",
    "fold_batch_norm",
    "freeze_below",
    "start_from_file",
]

VGG16_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and filters of each block (Simonyan & Zisserman 2014, configuration D)."""

_FIRST = "block1_conv1"

PRETRAINING_SIZE = 45
"""Input size of the pre-training in pixels.  It takes 0.4 of the time of 69 pixels, and the five
poolings of VGG16 reduce it to one cell."""

PRETRAINING_RATE = 3e-4
"""Highest learning rate of the pre-training.  At 1e-3 the network does not learn: after eight
epochs it still predicts the same probabilities for all galaxies."""


def build_vgg16(num_classes: int, input_size: int = 69, imagenet: bool = False) -> keras.Model:
    """Build VGG16 with a top of a dense layer of 64 units and a softmax.

    The input is standardized inside the network, so that ImageNet weights and weights trained by
    galpipe have the same input.

    Parameters
    ----------
    num_classes : int
        Number of classes.
    input_size : int
        Side of the input in pixels.
    imagenet : bool
        Initialize the convolutions with ImageNet weights instead of random ones (He).

    Returns
    -------
    keras.Model

    Raises
    ------
    ConfigError
        If the ImageNet weights cannot be downloaded.
    """
    inputs, x = standardized_input(input_size)
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
        adapt_to_rgb(backbone.get_layer(_FIRST))
    else:
        initialize = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(0))
        for layer in _convolutions(backbone):
            layer.kernel.assign(initialize(layer.kernel.shape))
    x = layers.Flatten()(backbone.output)
    return keras.Model(inputs, _top(x, num_classes), name="vgg16")


def build_vgg16_batch_norm(num_classes: int, input_size: int = 69) -> keras.Model:
    """Build VGG16 with batch normalization after each convolution, for training from scratch.

    Plain VGG16 hardly trains from random weights.  `fold_batch_norm` converts the trained network
    to an equivalent plain one.

    Parameters
    ----------
    num_classes : int
        Number of classes.
    input_size : int
        Side of the input in pixels.

    Returns
    -------
    keras.Model
    """
    inputs, x = standardized_input(input_size)
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
    """Copy the weights of a batch-normalized VGG16 to a plain one, with the norms folded in.

    With ``y = gamma (w x + b - mean) / sqrt(variance + epsilon) + beta`` the kernel is multiplied
    by ``gamma / sqrt(variance + epsilon)`` and the bias follows; this is exact, also at the padded
    border.  The top layers are copied too.  If the input of the target is larger, the dense weights
    of the single cell of the source are divided equally among its cells.

    Parameters
    ----------
    source : keras.Model
        Network of `build_vgg16_batch_norm`.
    target : keras.Model
        Network of `build_vgg16`.
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
    """Load the weights of VGG16 from a file.

    Parameters
    ----------
    model : keras.Model
        Network of `build_vgg16`.
    path : Path
        A ``.keras`` model of galpipe, whose dense layers are loaded too if they have the same
        shapes, or the folder of its training; a bundle, for the same input size; or the file
        ``..._notop.h5`` of the ImageNet weights of Keras.

    Raises
    ------
    InputError
        If the file is missing or not VGG16.
    """
    path = find_network(path, "vgg16")
    try:
        if is_bundle(path):
            copy_bundle_weights(path, "vgg16", model)
            return
        if path.suffix == ".keras":
            source = read_keras_network(path)
        else:
            check_weights_file(path)
            source = keras.applications.VGG16(include_top=False, weights=str(path))
            adapt_to_rgb(source.get_layer(_FIRST))
        for layer in _convolutions(model):
            layer.set_weights(source.get_layer(layer.name).get_weights())
        if path.suffix == ".keras":
            _copy_top(source, model)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: does not contain the weights of VGG16 ({error})") from error


def freeze_below(model: keras.Model, block: str | None) -> None:
    """Freeze the convolutions of VGG16 below a block.

    Parameters
    ----------
    model : keras.Model
        Network of `build_vgg16`.
    block : {"block1", ..., "block5", "top"} or None
        First block to train; ``top`` trains the dense layers only, None all layers.
    """
    for layer in _convolutions(model):
        # In alphabetical order "top" follows every block.
        layer.trainable = block is None or layer.name.split("_")[0] >= block


def _build(member: Vgg16Member, num_classes: int, input_size: int) -> keras.Model:
    """Build the network of a member with its initial weights, if these are not trained."""
    imagenet = member.initial_weights == "imagenet"
    model = build_vgg16(num_classes, input_size, imagenet=imagenet)
    if isinstance(member.initial_weights, Path):
        start_from_file(model, member.initial_weights)
    return model


def _check(member: Vgg16Member, config: ClassifierTraining) -> None:
    if member.initial_weights == "imagenet" or isinstance(member.initial_weights, Path):
        _build(member, 2, config.input_size)


def _train(member: Vgg16Member, job: TrainingJob) -> keras.Model:
    if member.initial_weights == "pretrain":
        model = _pretrain(member, job)
    else:
        model = _build(member, job.num_classes, job.config.input_size)
    freeze_below(model, member.fine_tune_from)
    fine_tune_member(model, member, job)
    return model


def _pretrain(member: Vgg16Member, job: TrainingJob) -> keras.Model:
    """Train VGG16 from random weights on all sources, at a small input size.

    Batch normalization is used for the training, and then folded into the convolutions.
    """
    finished = job.folder / "pretrained.keras"
    trained = load_network(finished)
    if trained is not None:
        return trained
    recipe = job.recipe(member)
    small = replace(recipe, input_size=min(PRETRAINING_SIZE, recipe.input_size))
    network = build_vgg16_batch_norm(job.num_classes, small.input_size)
    fit(
        network,
        random_views(job.sources, small),
        validation_arrays(job.sources.validation, small),
        Schedule(member.pretrain_epochs, PRETRAINING_RATE, final=0.02),
        job.folder / "vgg16 pre-training",
        job.progress,
    )
    plain = build_vgg16(job.num_classes, recipe.input_size)
    fold_batch_norm(network, plain)
    save_network(plain, finished)
    return plain


def _describe(member: Vgg16Member) -> str:
    start = describe_start(member.initial_weights)
    if member.initial_weights == "pretrain":
        start = (
            "not from ImageNet's weights but pre-trained on the galaxies of all training sources, "
            f"on views of {PRETRAINING_SIZE} pixels, with batch normalisation, which was then "
            "folded into the convolutions"
        )
    tuned = (
        "convolutions frozen, dense layers trained"
        if member.fine_tune_from == "top"
        else f"fine-tuned from {member.fine_tune_from} on"
    )
    return f"VGG16 without its top, dense 64, softmax; {start}; {tuned}"


VGG16 = MemberKind(Vgg16Member, _train, _describe, check=_check, storage="int8")


def _top(features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    x = layers.Dense(64, activation="relu", kernel_initializer="he_normal", name="dense")(features)
    return softmax_output(x, num_classes)


def _copy_top(source: keras.Model, target: keras.Model) -> None:
    for name in ("dense", "probabilities"):
        weights = source.get_layer(name).get_weights()
        layer = target.get_layer(name)
        if [w.shape for w in weights] != [w.shape for w in layer.get_weights()]:
            # The next layer depends on the outputs of this one.
            break
        layer.set_weights(weights)


def _convolutions(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
