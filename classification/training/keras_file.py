"""Make a network from a file a member: our pictures in, our classes out."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from ...configs import KerasFileMember
from ...errors import ConfigError
from .keras_reader import read_keras_network

__all__ = ["build_keras_file"]


def build_keras_file(
    member: KerasFileMember, class_names: Sequence[str], input_size: int
) -> keras.Model:
    """Return a network of a file that takes RGB in 0..1 and gives probabilities of our classes.

    Parameters
    ----------
    member : KerasFileMember
        The file, what it takes and what its outputs mean.
    class_names : sequence of str
        The C classes of the training.
    input_size : int
        Side in pixels of the training's pictures; the network resizes them where its file takes
        another size.

    Raises
    ------
    InputError
        If the file is missing, damaged or not harmless.
    ConfigError
        If the file does not fit what the configuration says of it.
    """
    order = _class_order(member, class_names)
    network = read_keras_network(member.path)
    _check_shapes(member, network)
    network.trainable = False
    # Names of layers must differ, and the file's may be any.
    network.name = "file"
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = inputs
    if member.input_size != input_size:
        x = layers.Resizing(member.input_size, member.input_size, name="resize")(x)
    x = layers.Rescaling(255 * member.scaling.scale, member.scaling.offset, name="scale")(x)
    x = network(x)
    reorder = layers.Dense(len(order), use_bias=False, trainable=False, name="probabilities")
    model = keras.Model(inputs, reorder(x), name="keras_file")
    reorder.set_weights([np.eye(len(order), dtype=np.float32)[order]])
    _check_probabilities(member, model, input_size)
    return model


def _class_order(member: KerasFileMember, class_names: Sequence[str]) -> list[int]:
    """Return the place of each of the file's outputs among our classes."""
    if sorted(member.class_names) != sorted(class_names):
        missing = [name for name in class_names if name not in member.class_names]
        unknown = [name for name in member.class_names if name not in class_names]
        faults = [
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("not of the training", unknown))
            if names
        ]
        raise ConfigError(
            f"{member.path}: class_names of this member must be the classes of the training, each "
            f"once, in the order of the file's outputs ({'; '.join(faults) or 'named twice'})"
        )
    return [list(class_names).index(name) for name in member.class_names]


def _check_shapes(member: KerasFileMember, network: keras.Model) -> None:
    inputs, outputs = (getattr(network, which, None) or [] for which in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise ConfigError(
            f"{member.path}: has {len(inputs)} inputs and {len(outputs)} outputs of known shape; "
            "a classifier has one of each"
        )
    taken, given = tuple(inputs[0].shape[1:]), tuple(outputs[0].shape[1:])
    side = member.input_size
    if len(taken) != 3 or any(
        size not in (None, wanted) for size, wanted in zip(taken, (side, side, 3), strict=True)
    ):
        raise ConfigError(
            f"{member.path}: takes inputs of shape {taken}, not the {(side, side, 3)} of "
            "input_size; only RGB with the channels last can be used"
        )
    if given != (len(member.class_names),):
        raise ConfigError(
            f"{member.path}: gives outputs of shape {given}, but class_names names "
            f"{len(member.class_names)} classes"
        )


def _check_probabilities(member: KerasFileMember, model: keras.Model, input_size: int) -> None:
    pictures = np.random.default_rng(0).random((4, input_size, input_size, 3), np.float32)
    given = keras.ops.convert_to_numpy(model(pictures, training=False))
    if given.min() < -1e-3 or not np.allclose(given.sum(axis=1), 1, atol=1e-2):
        raise ConfigError(
            f"{member.path}: its outputs are no probabilities that sum to one; append a softmax "
            "and save it again"
        )
