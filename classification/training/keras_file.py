"""Member ``keras_file``: a trained network from a file, adapted to the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from ...configs import ClassifierTraining, InputScaling, KerasFileMember
from ...errors import ConfigError, InputError
from .dataset import class_names as training_classes
from .keras_reader import are_probabilities, input_and_output_shape, read_keras_network
from .member_kind import MemberKind, TrainingJob
from .network_description import description_classes, read_description

__all__ = ["KERAS_FILE", "build_keras_file"]


def build_keras_file(
    member: KerasFileMember, class_names: Sequence[str], input_size: int
) -> keras.Model:
    """Build a network from a file that maps RGB in 0..1 to the classes of the training.

    Parameters
    ----------
    member : KerasFileMember
        The file, its input and the classes of its outputs.
    class_names : sequence of str
        The C classes of the training.
    input_size : int
        Side of the training images in pixels; resized if the file needs another size.

    Returns
    -------
    keras.Model
        Not trainable.

    Raises
    ------
    InputError
        If the file is missing, damaged or not trusted.
    ConfigError
        If the network does not match the settings.
    """
    stated = _stated(member)
    order = _class_order(member.path, stated.class_names, class_names)
    network = read_keras_network(member.path)
    _check_shapes(member.path, stated, network)
    network.trainable = False
    # Layer names must be unique, and the file may use any.
    network.name = "file"
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = inputs
    if stated.input_size != input_size:
        x = layers.Resizing(stated.input_size, stated.input_size, name="resize")(x)
    x = layers.Rescaling(255 * stated.scaling.scale, stated.scaling.offset, name="scale")(x)
    x = network(x)
    reorder = layers.Dense(len(order), use_bias=False, trainable=False, name="probabilities")
    model = keras.Model(inputs, reorder(x), name="keras_file")
    reorder.set_weights([np.eye(len(order), dtype=np.float32)[order]])
    images = np.random.default_rng(0).random((4, input_size, input_size, 3), np.float32)
    if not are_probabilities(keras.ops.convert_to_numpy(model(images, training=False))):
        raise ConfigError(
            f"{member.path}: its outputs are not probabilities that sum to one; append a softmax "
            "and save it again"
        )
    return model


class _Stated(NamedTuple):
    """Input and classes of a file, from the member or the description beside the file."""

    input_size: int
    scaling: InputScaling
    class_names: tuple[str, ...]


def _stated(member: KerasFileMember) -> _Stated:
    size, scaling, names = member.input_size, member.scaling, member.class_names
    if size is None or scaling is None or names is None:
        description = read_description(member.path)
        size, scaling = size or description.input_size, scaling or description.scaling
        names = names or description_classes(description).class_names
    return _Stated(size, scaling, names)


def _class_order(path: Path, stated: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """Return the index of the class of each output of the file."""
    if sorted(stated) != sorted(class_names):
        missing = [name for name in class_names if name not in stated]
        unknown = [name for name in stated if name not in class_names]
        problems = [
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("not of the training", unknown))
            if names
        ]
        raise ConfigError(
            f"{path}: class_names of this file must be the classes of the training, each "
            f"once, in the order of the file's outputs ({'; '.join(problems) or 'named twice'})"
        )
    return [list(class_names).index(name) for name in stated]


def _check_shapes(path: Path, stated: _Stated, network: keras.Model) -> None:
    try:
        inputs, outputs = input_and_output_shape(network, path)
    except InputError as error:
        raise ConfigError(str(error)) from error
    expected = (stated.input_size, stated.input_size, 3)
    if len(inputs) != 3 or any(
        size not in (None, wanted) for size, wanted in zip(inputs, expected, strict=True)
    ):
        raise ConfigError(
            f"{path}: the input has shape {inputs}, not {expected} as in input_size; "
            "images must be RGB with the channels last"
        )
    if outputs != (len(stated.class_names),):
        raise ConfigError(
            f"{path}: the output has shape {outputs}, but class_names has "
            f"{len(stated.class_names)} classes"
        )


def _check(member: KerasFileMember, config: ClassifierTraining) -> keras.Model:
    return build_keras_file(member, training_classes(config), config.input_size)


def _train(member: KerasFileMember, job: TrainingJob) -> keras.Model:
    return _check(member, job.config)


def _describe(member: KerasFileMember) -> str:
    size = _stated(member).input_size
    return f"from the file {member.path.name}, unchanged; images of {size} pixels"


KERAS_FILE = MemberKind(KerasFileMember, _train, _describe, check=_check)
