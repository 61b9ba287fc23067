"""Run a LiteRT network on batches of images."""

from __future__ import annotations

import os
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .manifest import InputScaling

__all__ = ["LiteRTNetwork", "available_cores", "limit_threads"]

# Threads of each network that is opened; None for all cores.
_threads: int | None = None


class LiteRTNetwork:
    """A LiteRT (TFLite) network with one image input.

    8-bit inputs and outputs are converted with the quantisation of the file, so that values are
    those of a float network.  Networks are thread-safe.

    Parameters
    ----------
    content : bytes
        Content of the ``.tflite`` file.
    scaling : InputScaling
        Scaling of 8-bit pixels to the network's input.

    Attributes
    ----------
    input_size : int
        Side of the input images, in pixels.

    Raises
    ------
    ValueError
        If the content is not a LiteRT network with one input of shape (N, S, S, 3).
    """

    def __init__(self, content: bytes, scaling: InputScaling) -> None:
        from ai_edge_litert.interpreter import Interpreter

        threads = _threads or available_cores()
        self._open = partial(Interpreter, model_content=content, num_threads=threads)
        self._interpreter: Any = self._open()
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1 or len(inputs[0]["shape"]) != 4 or inputs[0]["shape"][3] != 3:
            raise ValueError("the network must have one input of shape (N, S, S, 3)")
        self._input = inputs[0]
        # The converter reorders outputs, but numbers their names in the order of the graph.
        self._outputs = sorted(
            self._interpreter.get_output_details(), key=lambda detail: detail["name"]
        )
        self._scaling = scaling
        self._shape: tuple[int, ...] = ()
        self._lock = Lock()
        self.input_size = int(inputs[0]["shape"][1])

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Run the network on a batch of images.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, H, W, 3)
            RGB images of the network's input size, or of any size that the network takes.

        Returns
        -------
        list of ndarray
            One array per output, batch first, in the order in which the graph returns them.
        """
        scaled = images * np.float32(self._scaling.scale)
        scaled += np.float32(self._scaling.offset)
        values = _quantized(scaled, self._input)
        with self._lock:
            if self._shape != images.shape:
                self._interpreter.resize_tensor_input(self._input["index"], images.shape)
                self._interpreter.allocate_tensors()
                self._shape = images.shape
            self._interpreter.set_tensor(self._input["index"], values)
            self._interpreter.invoke()
            outputs = [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]
        return [
            _dequantized(output, detail)
            for output, detail in zip(outputs, self._outputs, strict=True)
        ]

    def release_memory(self) -> None:
        """Free the memory for the values of all layers; the next run reserves it again."""
        with self._lock:
            # An interpreter keeps the memory of the largest input that it had.
            self._interpreter, self._shape = self._open(), ()


def _quantized(values: NDArray[np.float32], detail: dict[str, Any]) -> NDArray[Any]:
    """Quantize values to the type of a tensor."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    # Halves are rounded up, within the error of float32: pixels scaled to -1..1 are all halves, and
    # neighbouring values must remain distinct.
    steps = np.floor(values / np.float32(scale) + np.float32(0.501)) + zero
    return np.asarray(np.clip(steps, limits.min, limits.max), detail["dtype"])


def _dequantized(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    """Return the real values of a quantized tensor."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values
    scale, zero = detail["quantization"]
    real: NDArray[np.float32] = (values.astype(np.float32) - zero) * np.float32(scale)
    return real


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Limit the threads of this process: of networks that are opened from now on, and of OpenCV.

    Parameters
    ----------
    threads : int
        Number of threads.
    """
    global _threads
    import cv2

    _threads = threads
    cv2.setNumThreads(threads)
