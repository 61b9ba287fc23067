"""Initial weights of fine-tuned networks: find them, copy them, describe them."""

from __future__ import annotations

from pathlib import Path

import keras

from ...errors import InputError
from ...models.manifest import MANIFEST_NAME

__all__ = ["copy_weights", "describe_start", "find_network"]


def find_network(path: Path, architecture: str) -> Path:
    """Return the file of initial weights.

    Parameters
    ----------
    path : Path
        The file; or the folder of a training with a member of this architecture, or the bundle in
        it.
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
    if not found:
        raise InputError(
            f"{path}: has no trained network {architecture}/model.keras. A bundle alone is not "
            "enough, since its networks have lost the statistics of their batch norms: keep it in "
            "the folder of its training"
        )
    if len(found) > 1:
        raise InputError(f"{path}: has several networks; name one: {', '.join(map(str, found))}")
    return found[0]


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
