"""Convert Keras networks to LiteRT, and compare the two."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias, cast

import keras
import numpy as np
from numpy.typing import NDArray

from ...models import InputScaling
from ...models.litert import LiteRTNetwork
from ...models.litert_converter import open_converter

__all__ = [
    "INPUT_SCALING",
    "LiteRTAgreement",
    "Storage",
    "can_convert",
    "compare",
    "run_litert",
    "to_litert",
]

INPUT_SCALING = InputScaling(scale=1 / 255, offset=0.0)
"""Input of all networks of a training: RGB in 0..1."""

Storage: TypeAlias = Literal["float32", "float16", "int8"]
"""Type of the weights in a LiteRT file."""


@dataclass(frozen=True)
class LiteRTAgreement:
    """Agreement of a LiteRT file with its source network.

    Attributes
    ----------
    crops : int
        Number of crops compared.
    largest_difference : float
        Largest difference of a probability.
    same_class : float
        Fraction of crops with the same most probable class.
    """

    crops: int
    largest_difference: float
    same_class: float


def can_convert() -> bool:
    """Return whether TensorFlow is installed, which is needed for the conversion."""
    return find_spec("tensorflow") is not None


def to_litert(model: keras.Model, storage: Storage) -> bytes:
    """Convert a network to a LiteRT file for batches of any size.

    Parameters
    ----------
    model : keras.Model
        On backends other than TensorFlow it is converted in a new process.
    storage : {"float32", "float16", "int8"}
        Type of the stored weights.  With 16 bits the file has half the size, and the network
        computes in 32 bits.  With 8-bit integers it has a quarter (dynamic-range quantization:
        activations are quantized at run time), and networks of large convolutions are faster.

    Returns
    -------
    bytes
        Content of the ``.tflite`` file.
    """
    if keras.backend.backend() != "tensorflow":
        return _convert_in_process(model, storage)
    import tensorflow as tf

    # The variables of TensorFlow within those of Keras.
    variables = [variable.value for variable in model.variables]
    with _numbered_layers(model):
        converter = open_converter(
            lambda images: model(images, training=False), (None, *model.input_shape[1:]), variables
        )
    if storage != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if storage == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


@contextmanager
def _numbered_layers(model: keras.Model) -> Iterator[None]:
    """Name the layers by their numbers.

    The converter orders parallel branches by name, and Keras counts the layers of a kind over all
    networks of a process.
    """
    names = [layer.name for layer in model.layers]
    for number, layer in enumerate(model.layers):
        layer.name = f"layer{number:05}"
    try:
        yield
    finally:
        for layer, name in zip(model.layers, names, strict=True):
            layer.name = name


def run_litert(content: bytes, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run a LiteRT classifier.

    Parameters
    ----------
    content : bytes
        Content of the ``.tflite`` file.
    crops : ndarray of uint8, shape (N, S, S, 3)
        RGB crops.

    Returns
    -------
    ndarray of float32, shape (N, C)
        Class probabilities.
    """
    network = LiteRTNetwork(content, INPUT_SCALING)
    # Activations are quantized per batch, so use the batch size of a run.
    return np.concatenate(
        [network.run(crops[start : start + 16])[0] for start in range(0, len(crops), 16)]
    )


def compare(model: keras.Model, content: bytes, crops: NDArray[np.uint8]) -> LiteRTAgreement:
    """Compare a network with its LiteRT file on the same crops.

    Parameters
    ----------
    model : keras.Model
        The network.
    content : bytes
        Content of the ``.tflite`` file.
    crops : ndarray of uint8, shape (N, S, S, 3)
        RGB crops.

    Returns
    -------
    LiteRTAgreement
    """
    scale, offset = np.float32(INPUT_SCALING.scale), np.float32(INPUT_SCALING.offset)
    converted = run_litert(content, crops)
    original = model.predict(crops * scale + offset, batch_size=32, verbose=0)
    return LiteRTAgreement(
        crops=len(crops),
        largest_difference=float(np.abs(converted - original).max()),
        same_class=float((converted.argmax(axis=1) == original.argmax(axis=1)).mean()),
    )


def _convert_in_process(model: keras.Model, storage: Storage) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.keras"), Path(folder, "model.tflite")
        model.save(source)
        subprocess.run(
            [sys.executable, "-m", __name__, str(source), str(target), storage],
            # The memory of the GPU is in use by the training backend.
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
            check=True,
        )
        return target.read_bytes()


if __name__ == "__main__":
    source, target, stored = sys.argv[1:]
    network = keras.saving.load_model(source, compile=False)
    Path(target).write_bytes(to_litert(network, cast(Storage, stored)))
