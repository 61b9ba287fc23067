"""Classifiers as standalone models: the members, their mean and its calibration in one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ..imaging.crops import SKY_QUANTILE
from ..models.class_calibration import SMALLEST_PROBABILITY, ClassCalibration, TemperatureScaling
from ..models.manifest import Member
from ..models.standalone.keras_network import keras_network
from ..models.standalone.litert_graph import LiteRTGraph, read_litert_graph
from ..models.standalone.targets import Arrays, StandaloneModel
from .classifier import Classifier

__all__ = ["OUTPUTS", "compare_standalone", "standalone_classifier"]

_PROBABILITIES = "probabilities"
OUTPUTS = {_PROBABILITIES: "(N, C): calibrated probability of each class"}
"""Description of the outputs of a standalone classifier."""

# From the smallest to the largest type.
_STORAGES = ("int8", "float16", "float32")


def standalone_classifier(classifier: Classifier) -> StandaloneModel:
    """Return the network of a classifier from crops to calibrated probabilities.

    Parameters
    ----------
    classifier : Classifier

    Returns
    -------
    StandaloneModel
        See `OUTPUTS` for its output.

    Raises
    ------
    ValueError
        If a network cannot be written with standard layers.
    """
    manifest = classifier.bundle.manifest
    used = [member for member in manifest.members if member.weight]
    graphs = [read_litert_graph(classifier.bundle.read(member.file)) for member in used]
    images = keras.Input((manifest.input_size, manifest.input_size, 3), dtype="uint8")
    pixels = ops.cast(images, "float32")
    if manifest.sky == "removed":
        pixels = _without_sky(pixels)
    views = _views(pixels) if manifest.test_time_augmentation else [pixels]
    total = sum(member.weight for member in used)
    mean: Any = 0.0
    for member, graph in zip(used, graphs, strict=True):
        mean += _predicted(member, graph, views) * (member.weight / total)
    outputs = {_PROBABILITIES: _calibrated(mean, manifest.calibration)}
    return StandaloneModel(
        network=keras.Model(images, outputs, name="classifier"),
        storage=min((graph.storage for graph in graphs), key=_STORAGES.index),
    )


def compare_standalone(
    classifier: Classifier,
    run: Callable[[NDArray[np.uint8]], Arrays],
    crops: NDArray[np.uint8],
) -> tuple[float, float]:
    """Compare a standalone model with its classifier.

    Parameters
    ----------
    classifier : Classifier
    run : function
        Runs the standalone model on crops.
    crops : ndarray of uint8, shape (N, S, S, 3)

    Returns
    -------
    largest_difference : float
        Largest difference of a probability.
    same_class : float
        Fraction of crops with the same most probable class.
    """
    expected = classifier.predict(crops)
    found = run(crops)[_PROBABILITIES]
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return float(np.abs(found - expected).max()), float(same.mean())


def _predicted(member: Member, graph: LiteRTGraph, views: list[Any]) -> Any:
    """Return the mean of the predictions of a member for several views of the crops."""
    network = keras_network(graph)
    scaling = layers.Rescaling(member.scaling.scale, member.scaling.offset)
    return sum(network(scaling(view)) for view in views) / len(views)


def _views(pixels: Any) -> list[Any]:
    """Return the flips and quarter turns of crops."""
    turned = [pixels, ops.flip(pixels, axis=1)]
    turned += [ops.flip(view, axis=2) for view in turned]
    return turned + [ops.transpose(view, (0, 2, 1, 3)) for view in turned]


def _without_sky(pixels: Any) -> Any:
    """Subtract the sky, as `~galpipe.imaging.remove_sky` does."""
    count = pixels.shape[1] * pixels.shape[2]
    ordered = ops.sort(layers.Reshape((count, 3))(pixels), axis=1)
    position = SKY_QUANTILE * (count - 1)
    below = int(position)
    share = position - below
    sky = ordered[:, below] * (1 - share) + ordered[:, min(below + 1, count - 1)] * share
    return ops.round(ops.relu(pixels - layers.Reshape((1, 1, 3))(sky)))


def _calibrated(mean: Any, calibration: ClassCalibration | None) -> Any:
    if calibration is None:
        return mean
    logarithms = ops.log(ops.clip(mean, SMALLEST_PROBABILITY, 1.0))
    if isinstance(calibration, TemperatureScaling):
        return ops.softmax(logarithms / calibration.temperature, axis=-1)
    layer = layers.Dense(len(calibration.bias), activation="softmax")
    calibrated = layer(logarithms)
    layer.set_weights([np.transpose(calibration.weights), np.array(calibration.bias)])
    return calibrated
