"""Members ``resnet50``, ``inception_v3`` and ``xception``: networks of `keras.applications`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from ...configs import BackboneMember, ClassifierTraining
from ...errors import ConfigError, InputError
from .finetune import fine_tune_member
from .imagenet_input import adapt_to_rgb, standardized_input
from .initial_weights import copy_trained, describe_start, find_network, is_bundle
from .keras_reader import check_weights_file
from .member_kind import MemberKind, Outputs, TrainingJob, output_layers

__all__ = ["BACKBONE", "build_backbone", "freeze_below", "start_from_file"]

NORM_MOMENTUM = 0.9
"""Momentum of the statistics of batch norms, that of PyTorch, in which the published networks were
trained.  Keras's 0.99 needs hundreds of steps before the network is right at inference."""


@dataclass(frozen=True)
class _Network:
    """A network of `keras.applications`.

    Attributes
    ----------
    builder : str
        Name of its function, also its title.
    smallest : int
        Smallest side of the input in pixels.
    caffe_input : str or None
        First convolution of a network that expects the input of Caffe; None if the input is RGB
        from -1 to 1.
    """

    builder: str
    smallest: int
    caffe_input: str | None = None


NETWORKS = {
    "resnet50": _Network("ResNet50", 32, caffe_input="conv1_conv"),
    "inception_v3": _Network("InceptionV3", 75),
    "xception": _Network("Xception", 71),
}


def build_backbone(
    architecture: str, outputs: Outputs, input_size: int, weights: str | None = None
) -> keras.Model:
    """Build a network of `keras.applications` with the mean over the image and a last layer.

    The input is RGB in 0..1, scaled inside the network as its original expects.

    Parameters
    ----------
    architecture : {"resnet50", "inception_v3", "xception"}
        The network.
    outputs : int or VoteHead
        Number of classes, or the head of a network that predicts votes.
    input_size : int
        Side of the input in pixels.
    weights : str, optional
        ``imagenet``, or path of an HDF5 file in Keras's layout without the top; by default they are
        random.

    Returns
    -------
    keras.Model
    """
    network = NETWORKS[architecture]
    if network.caffe_input:
        inputs, x = standardized_input(input_size)
    else:
        inputs = keras.Input((input_size, input_size, 3), name="image")
        x = layers.Rescaling(2.0, offset=-1.0, name="standardise")(inputs)
    build = getattr(keras.applications, network.builder)
    backbone = build(include_top=False, weights=weights, input_tensor=x, pooling="avg")
    if weights is not None and network.caffe_input:
        adapt_to_rgb(backbone.get_layer(network.caffe_input))
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = NORM_MOMENTUM
    return keras.Model(inputs, output_layers(backbone.output, outputs), name=architecture)


def freeze_below(model: keras.Model, part: str) -> None:
    """Freeze the layers below a part of a network; their batch norms keep their statistics.

    Parameters
    ----------
    model : keras.Model
        Network of `build_backbone`.
    part : str
        One of its `~galpipe.configs.BACKBONE_PARTS`: the first to train.
    """
    names = [layer.name for layer in model.layers]
    if part == "stem":
        first = 0
    elif part == "top":
        first = names.index("probabilities")
    elif part.startswith("mixed"):
        # A part of Inception is named after its last layer.
        first = names.index(f"mixed{int(part.removeprefix('mixed')) - 1}") + 1
    else:
        first = next(place for place, name in enumerate(names) if name.startswith(f"{part}_"))
    for place, layer in enumerate(model.layers):
        layer.trainable = place >= first


def start_from_file(
    architecture: str, outputs: Outputs, input_size: int, path: Path
) -> keras.Model:
    """Build a network with initial weights from a file.

    Parameters
    ----------
    architecture : {"resnet50", "inception_v3", "xception"}
        The network.
    outputs : int or VoteHead
        Number of classes, or the head of a network that predicts votes.
    input_size : int
        Side of the input in pixels.
    path : Path
        Keras's ``..._notop.h5``; the ``.keras`` file of a training, whose last layer is loaded too
        if it has as many classes; or the folder of the training, or a bundle.

    Returns
    -------
    keras.Model

    Raises
    ------
    InputError
        If there is no such file, or it holds other weights.
    """
    file = find_network(path, architecture)
    try:
        if file.suffix == ".keras" or is_bundle(file):
            model = build_backbone(architecture, outputs, input_size)
            copy_trained(file, architecture, model)
            return model
        check_weights_file(file)
        return build_backbone(architecture, outputs, input_size, str(file))
    except (OSError, ValueError, KeyError) as error:
        title = NETWORKS[architecture].builder
        raise InputError(f"{file}: does not contain the weights of {title} ({error})") from error


def _build(member: BackboneMember, outputs: Outputs, input_size: int) -> keras.Model:
    """Build the network of a member with its initial weights."""
    architecture, weights = member.architecture, member.initial_weights
    if isinstance(weights, Path):
        return start_from_file(architecture, outputs, input_size, weights)
    if weights == "none":
        return build_backbone(architecture, outputs, input_size)
    try:
        return build_backbone(architecture, outputs, input_size, weights)
    except Exception as error:
        # Keras raises a bare Exception if a download fails.
        raise ConfigError(
            f"the ImageNet weights of {NETWORKS[architecture].builder} could not be downloaded "
            f"({type(error).__name__}: {error}). Set initial_weights of the {architecture} member "
            "to the path of the file '..._notop.h5' of Keras, or to none"
        ) from error


def _check(member: BackboneMember, config: ClassifierTraining) -> None:
    network = NETWORKS[member.architecture]
    if config.input_size < network.smallest:
        raise ConfigError(
            f"{network.builder} takes images of at least {network.smallest} pixels; set input_size "
            f"to that or more, instead of {config.input_size}"
        )
    if member.initial_weights != "none":
        _build(member, 2, network.smallest)


def _train(member: BackboneMember, job: TrainingJob) -> keras.Model:
    model = _build(member, job.outputs, job.config.input_size)
    freeze_below(model, member.fine_tune_from)
    fine_tune_member(model, member, job)
    return model


def _describe(member: BackboneMember) -> str:
    trained = {"stem": "all layers trained", "top": "only the last layer trained"}.get(
        member.fine_tune_from, f"trained from {member.fine_tune_from} on"
    )
    title = NETWORKS[member.architecture].builder
    return f"{title}; {describe_start(member.initial_weights)}; {trained}"


BACKBONE = MemberKind(BackboneMember, _train, _describe, check=_check, storage="float16")
