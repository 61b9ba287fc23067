"""Initial weights of fine-tuned networks: find them, copy them, describe them."""

from __future__ import annotations

from pathlib import Path

import keras

from ...errors import InputError
from ...models.manifest import MANIFEST_NAME
from .bundle_weights import copy_bundle_weights
from .keras_reader import read_keras_network

__all__ = ["copy_trained", "copy_weights", "describe_start", "find_network", "is_bundle"]


def find_network(path: Path, architecture: str) -> Path:
    """Return the file of initial weights, or the bundle that holds them.

    The networks of a training are preferred to those of its bundle, which have lost the statistics
    of their batch norms.

    Parameters
    ----------
    path : Path
        The file; the folder of a training with a member of this architecture; or a bundle.
    architecture : str
        Architecture of the member.

    Raises
    ------
    InputError
        If there is no such file, or a folder has no such network, or several.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(
            f"{path}: no such file of initial weights. Train it first, or set initial_weights of "
            f"the {architecture} member to imagenet or none"
        )
    training = path.parent if (path / MANIFEST_NAME).is_file() else path
    found = [
        file
        for name in (architecture, f"{architecture}_[0-9]*")
        for file in sorted(training.glob(f"{name}/model.keras"))
    ]
    if not found and is_bundle(path):
        return path
    if not found:
        raise InputError(
            f"{path}: is no bundle, and has no trained network {architecture}/model.keras"
        )
    if len(found) > 1:
        raise InputError(f"{path}: has several networks; name one: {', '.join(map(str, found))}")
    return found[0]


def is_bundle(path: Path) -> bool:
    """Return whether initial weights are those of a bundle.

    Parameters
    ----------
    path : Path
        As `find_network` returns it.
    """
    return path.suffix == ".zip" or (path / MANIFEST_NAME).is_file()


def copy_trained(path: Path, architecture: str, model: keras.Model) -> None:
    """Copy the weights of an earlier training.

    Parameters
    ----------
    path : Path
        Its ``model.keras`` or a bundle, from `find_network`.
    architecture : str
        Architecture of the member.
    model : keras.Model
        Network of this architecture, changed in place.

    Raises
    ------
    BundleError, InputError
        If the file or bundle cannot be read.
    ValueError
        If it holds another network.
    """
    if is_bundle(path):
        copy_bundle_weights(path, architecture, model)
    else:
        copy_weights(read_keras_network(path), model)


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of a network to another of the same architecture.

    Layers correspond by their order, since Keras numbers layers without a name anew for each
    network of a process.  The last layer of other classes stays as it is.

    Parameters
    ----------
    source : keras.Model
        Network, also with other classes or another input size.
    target : keras.Model
        Its weights are set.

    Raises
    ------
    ValueError
        If the networks differ in more than their last layer.
    """
    pairs = list(zip(_weighted(source), _weighted(target), strict=True))
    for number, (one, other) in enumerate(pairs, 1):
        weights = one.get_weights()
        same = [w.shape for w in weights] == [w.shape for w in other.get_weights()]
        if same or number < len(pairs):
            other.set_weights(weights)


def describe_start(initial_weights: str | Path) -> str:
    """Describe the initial weights in the model card.

    Parameters
    ----------
    initial_weights : str or Path
        As in the settings of the member.
    """
    known = {"imagenet": "from ImageNet's weights", "none": "from random weights"}
    return known.get(str(initial_weights), "from given weights")


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights]
