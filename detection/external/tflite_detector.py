"""Detectors exported to TFLite, with ``TFLite_Detection_PostProcess`` as the last operation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ...models.litert import available_cores
from .external_detector import ExternalDetector, NetworkOutputs
from .packed_labels import packed_labels

__all__ = ["TFLiteDetector"]

_POST_PROCESS = "TFLite_Detection_PostProcess"
_LARGEST_FILE = 2 * 1024**3
_LARGEST_INPUT = 4096

# Exceptions that a damaged network can raise.
_FAULTS = (ValueError, RuntimeError, TypeError, LookupError, MemoryError)

# Scale and offset of 8-bit pixels by input type: float inputs range from -1 to 1, as documented by
# the TF Object Detection API ("normalized_input_image_tensor").
_SCALES = {np.uint8: (1.0, 0.0), np.int8: (1.0, -128.0), np.float32: (1 / 127.5, -1.0)}


class TFLiteDetector(ExternalDetector):
    """Detector exported to TFLite by the TF Object Detection API.

    Parameters
    ----------
    path : Path
        The ``.tflite`` file.
    class_names : sequence of str, optional
        Class names in order; by default those packed with the network, or ``class 1``,
        ``class 2``, ...

    Raises
    ------
    BundleError
        If the file cannot be read or run, or is not such a detector.
    """

    def __init__(self, path: Path, class_names: Sequence[str] | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter

        content = _read(path)
        try:
            self._interpreter: Any = Interpreter(
                model_content=content, num_threads=available_cores()
            )
            self._interpreter.allocate_tensors()
            side = self._find_input(path)
            self._outputs, classes = self._find_outputs(path)
        except _FAULTS as error:
            raise BundleError(f"{path}: is not a valid TFLite network: {error}") from error
        if class_names is None:
            class_names = packed_labels(content, path)
        checksum = hashlib.sha256(content).hexdigest()
        super().__init__(path, path.stem, {path.name: checksum}, side, class_names, classes)

    def run(self, image: NDArray[np.uint8]) -> NetworkOutputs:  # numpydoc ignore=PR01
        """Run the network on one image; see `ExternalDetector.run`."""
        scale, offset = self._scaling
        pixels = image if self._dtype is np.uint8 else image * np.float32(scale) + offset
        try:
            self._interpreter.set_tensor(self._input, pixels[np.newaxis].astype(self._dtype))
            self._interpreter.invoke()
            boxes, class_ids, scores, count = (
                self._interpreter.get_tensor(index) for index in self._outputs
            )
            return NetworkOutputs(
                boxes[0].astype(np.float64) * self.input_size,
                scores[0],
                class_ids[0],
                float(count[0]),
            )
        except _FAULTS as error:
            raise BundleError(f"{self.identity.path}: cannot be run: {error}") from error

    def _find_input(self, path: Path) -> int:
        inputs = self._interpreter.get_input_details()
        shape = [int(side) for side in inputs[0]["shape"]] if len(inputs) == 1 else []
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or shape[1] != shape[2]:
            raise BundleError(f"{path}: the input has shape {shape}, not (1, S, S, 3)")
        if not 1 < shape[1] <= _LARGEST_INPUT:
            raise BundleError(f"{path}: the input size is not fixed; export it with a fixed size")
        self._dtype = inputs[0]["dtype"]
        if self._dtype not in _SCALES:
            raise BundleError(f"{path}: the input type {self._dtype.__name__} is not supported")
        self._scaling = _SCALES[self._dtype]
        self._input = inputs[0]["index"]
        return shape[1]

    def _find_outputs(self, path: Path) -> tuple[list[int], int]:
        """Return the tensors of boxes, classes, scores and count, and the number of classes.

        The names and order of the outputs depend on the converter, so that they are identified by
        the operation that computes them; no public method of the interpreter lists operations.
        """
        for operation in self._interpreter._get_ops_details():
            if operation["op_name"] == _POST_PROCESS:
                outputs = [int(index) for index in operation["outputs"]]
                scores = int(operation["inputs"][1])
                break
        else:
            raise BundleError(
                f"{path}: has no {_POST_PROCESS}; export it with the TF Object Detection "
                "API (export_tflite_graph_tf2.py), or give its SavedModel"
            )
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        returned = {detail["index"] for detail in self._interpreter.get_output_details()}
        if len(outputs) != 4 or not returned.issuperset(outputs):
            raise BundleError(f"{path}: does not return all outputs of its {_POST_PROCESS}")
        # An upper bound, as the first score may be that of the background.
        return outputs, int(details[scores]["shape"][-1])


def _read(path: Path) -> bytes:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            raise BundleError(f"{path}: is not a regular file of at most {_LARGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
