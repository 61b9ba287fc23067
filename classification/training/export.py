"""From a trained Keras network to a LiteRT file, and the proof that both say the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ...models import InputScaling
from ...models.litert import LiteRTNetwork

__all__ = ["INPUT_SCALING", "Parity", "can_convert", "compare", "run_litert", "to_litert"]

INPUT_SCALING = InputScaling(scale=1 / 255, offset=0.0)
"""All networks of the zoo take RGB in 0..1."""


@dataclass(frozen=True)
class Parity:
    """How far a LiteRT file is from the network it was made of.

    Attributes
    ----------
    crops : int
        Crops compared.
    largest_difference : float
        Largest difference of a probability.
    same_class : float
        Share of the crops with the same most probable class.
    """

    crops: int
    largest_difference: float
    same_class: float


def can_convert() -> bool:
    """Tell whether TensorFlow is installed, which alone converts networks."""
    return find_spec("tensorflow") is not None


def to_litert(model: keras.Model, int8: bool) -> bytes:
    """Convert a network to a LiteRT file that takes batches of any size.

    Parameters
    ----------
    model : keras.Model
        The network; on another backend than TensorFlow it is handed over to a TensorFlow process.
    int8 : bool
        Keep the weights as 8-bit integers (dynamic range: activations are quantised as they come),
        a quarter of the size and faster for large networks.
    """
    if keras.backend.backend() != "tensorflow":
        return _convert_elsewhere(model, int8)
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


def run_litert(content: bytes, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a LiteRT file of a classifier gives for crops, uint8 (N, S, S, 3): (N, C)."""
    network = LiteRTNetwork(content, INPUT_SCALING)
    # The quantisation of activations is per batch: these are the batches of a run.
    return np.concatenate(
        [network.run(crops[start : start + 16])[0] for start in range(0, len(crops), 16)]
    )


def compare(model: keras.Model, content: bytes, crops: NDArray[np.uint8]) -> Parity:
    """Run the network and its LiteRT file on the same crops, uint8 (N, S, S, 3)."""
    scale, offset = np.float32(INPUT_SCALING.scale), np.float32(INPUT_SCALING.offset)
    converted = run_litert(content, crops)
    original = model.predict(crops * scale + offset, batch_size=32, verbose=0)
    return Parity(
        crops=len(crops),
        largest_difference=float(np.abs(converted - original).max()),
        same_class=float((converted.argmax(axis=1) == original.argmax(axis=1)).mean()),
    )


def _convert_elsewhere(model: keras.Model, int8: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.keras"), Path(folder, "model.tflite")
        model.save(source)
        subprocess.run(
            [sys.executable, "-m", __name__, str(source), str(target), str(int(int8))],
            # The memory of the GPU belongs to the backend that trains.
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
            check=True,
        )
        return target.read_bytes()


if __name__ == "__main__":
    source, target, int8 = sys.argv[1:]
    network = keras.saving.load_model(source, compile=False)
    Path(target).write_bytes(to_litert(network, bool(int(int8))))
