"""Formats of standalone models: how each is written, and run again to compare it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, require
from ..litert_file import halve_large_weights

__all__ = ["INPUT_NAME", "TARGETS", "Arrays", "StandaloneModel", "Target"]

INPUT_NAME = "images"
"""Name of the input of every standalone model."""

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""Outputs of a network by name."""

# Opset of ONNX 1.12, which runtimes since 2022 know.
_OPSET = 17


@dataclass(frozen=True, eq=False)
class StandaloneModel:
    """Network from 8-bit RGB images to results, to be written in any format.

    Attributes
    ----------
    network : keras.Model
        From uint8 images of shape (N, S, S, 3) to a dictionary of outputs.
    endings : mapping of str to function
        Further operations of TensorFlow on that dictionary, by the name of the format.
    single : set of str
        Formats for one image at a time.
    storage : {"float32", "float16", "int8"}
        Type in which weights are stored where the format allows it.
    """

    network: Any
    endings: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    single: frozenset[str] = frozenset()
    storage: str = "float32"

    def holder(self) -> Any:
        """Return a module that holds the variables, so that a converter keeps their values."""
        holder = require("tensorflow", "train").Module()
        # The variables of TensorFlow within those of Keras.
        holder.kept = [variable.value for variable in self.network.variables]
        return holder

    def traced(self, target: str) -> Any:
        """Return the whole model as a function of TensorFlow, for its signature in a format.

        Parameters
        ----------
        target : str
            Name of the format.
        """
        tf = require("tensorflow", "train")
        ending = self.endings.get(target)

        def run(images: Any) -> dict[str, Any]:
            outputs = self.network(images)
            return outputs if ending is None else ending(outputs)

        batch = 1 if target in self.single else None
        shape = (batch, *self.network.input_shape[1:])
        return tf.function(run, input_signature=[tf.TensorSpec(shape, tf.uint8, name=INPUT_NAME)])


@dataclass(frozen=True)
class Target:
    """Format of standalone models.

    Attributes
    ----------
    file : str
        Name of its file or folder.
    write : function
        Writes a `StandaloneModel` to a path.
    open : function
        Returns a function that runs the model at a path on images.
    modules : tuple of (str, str)
        Modules that it needs, each with its extra.
    """

    file: str
    write: Callable[[StandaloneModel, Path], None]
    open: Callable[[Path], Callable[[NDArray[np.uint8]], Arrays]]
    modules: tuple[tuple[str, str], ...] = (("tensorflow", "train"),)

    def check(self) -> None:
        """Check that the packages of the format are installed.

        Raises
        ------
        MissingExtraError
            If a package is not installed.
        ConfigError
            If Keras uses another backend than TensorFlow.
        """
        for module, extra in self.modules:
            require(module, extra)
        backend = require("keras", "train").backend.backend()
        if backend != "tensorflow":
            raise ConfigError(
                f"models are exported with TensorFlow, but Keras uses {backend}; set "
                "KERAS_BACKEND=tensorflow"
            )


def _write_keras(model: StandaloneModel, path: Path) -> None:
    model.network.save(path)


def _open_keras(path: Path) -> Callable[[NDArray[np.uint8]], Arrays]:
    import keras

    network = keras.saving.load_model(path)
    return lambda images: {name: np.asarray(value) for name, value in network(images).items()}


def _write_saved_model(model: StandaloneModel, path: Path) -> None:
    import tensorflow as tf

    holder = model.holder()
    holder.run = model.traced("saved_model")
    tf.saved_model.save(holder, str(path), signatures={"serving_default": holder.run})


def _open_saved_model(path: Path) -> Callable[[NDArray[np.uint8]], Arrays]:
    import tensorflow as tf

    # The signature lives as long as what was loaded.
    loaded = tf.saved_model.load(str(path))

    def run(images: NDArray[np.uint8]) -> Arrays:
        outputs = loaded.signatures["serving_default"](**{INPUT_NAME: tf.constant(images)})
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _write_onnx(model: StandaloneModel, path: Path) -> None:
    import tf2onnx

    traced = model.traced("onnx")
    tf2onnx.convert.from_function(
        traced, input_signature=traced.input_signature, opset=_OPSET, output_path=str(path)
    )


def _open_onnx(path: Path) -> Callable[[NDArray[np.uint8]], Arrays]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(None, {INPUT_NAME: images}), strict=True))


def _write_tflite(model: StandaloneModel, path: Path) -> None:
    import tensorflow as tf

    holder = model.holder()
    concrete = model.traced("tflite").get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    converter.allow_custom_ops = True
    if model.storage == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    content = converter.convert()
    path.write_bytes(halve_large_weights(content) if model.storage == "float16" else content)


def _open_tflite(path: Path) -> Callable[[NDArray[np.uint8]], Arrays]:
    from ai_edge_litert.interpreter import Interpreter

    # The signature lives as long as the interpreter.
    interpreter = Interpreter(model_path=str(path))
    return lambda images: dict(interpreter.get_signature_runner()(**{INPUT_NAME: images}))


TARGETS = {
    "saved_model": Target("saved_model", _write_saved_model, _open_saved_model),
    "keras": Target("model.keras", _write_keras, _open_keras),
    "onnx": Target(
        "model.onnx",
        _write_onnx,
        _open_onnx,
        (
            ("tensorflow", "train"),
            ("onnx", "export"),
            ("tf2onnx", "export"),
            ("onnxruntime", "export"),
        ),
    ),
    "tflite": Target("model.tflite", _write_tflite, _open_tflite),
}
"""Formats by name."""
