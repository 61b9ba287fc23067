"""Run a LiteRT network on batches of images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .manifest import InputScaling

__all__ = ["LiteRTNetwork"]


class LiteRTNetwork:
    """A LiteRT (TFLite) network with one image input.

    Inputs and outputs in 8 bits are scaled by the file's own quantisation: what goes in and comes
    out is the same as of a float network.

    Parameters
    ----------
    content : bytes
        The ``.tflite`` file.
    scaling : InputScaling
        How 8-bit pixels become the network's input.

    Attributes
    ----------
    input_size : int
        Side of the images it takes.
    takes_integers : bool
        Whether its input is quantised.

    Raises
    ------
    ValueError
        If the content is not a LiteRT network with one input of shape (N, S, S, 3).
    """

    def __init__(self, content: bytes, scaling: InputScaling) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(model_content=content, num_threads=available_cores())
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1 or len(inputs[0]["shape"]) != 4 or inputs[0]["shape"][3] != 3:
            raise ValueError("the network must have one input of shape (N, S, S, 3)")
        self._input = inputs[0]
        # The converter shuffles the outputs, but numbers their names in the graph's order.
        self._outputs = sorted(
            self._interpreter.get_output_details(), key=lambda detail: detail["name"]
        )
        self._scaling = scaling
        self._batch: int | None = None
        self.takes_integers = bool(np.issubdtype(self._input["dtype"], np.integer))
        self.input_size = int(inputs[0]["shape"][1])

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the outputs for a batch.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, S, S, 3)
            RGB images of the network's input size.

        Returns
        -------
        list of ndarray
            One array an output, batch first, in the order in which the graph returns them.
        """
        if self._batch != len(images):
            self._interpreter.resize_tensor_input(self._input["index"], images.shape)
            self._interpreter.allocate_tensors()
            self._batch = len(images)
        scaled = images * np.float32(self._scaling.scale) + np.float32(self._scaling.offset)
        self._interpreter.set_tensor(self._input["index"], _quantised(scaled, self._input))
        self._interpreter.invoke()
        return [
            _dequantised(self._interpreter.get_tensor(detail["index"]), detail)
            for detail in self._outputs
        ]


def _quantised(values: NDArray[np.float32], detail: dict[str, Any]) -> NDArray[Any]:
    """Return values as the kind of number that a tensor holds."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    # Halves go up, and so does what is a half but for the error of 32 bits: of pixels that are
    # scaled to -1..1 every one is a half, and neighbours must not become the same number.
    steps = np.floor(values / np.float32(scale) + np.float32(0.501)) + zero
    return np.clip(steps, limits.min, limits.max).astype(detail["dtype"])


def _dequantised(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    """Return the values that the numbers of a tensor stand for."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values
    scale, zero = detail["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
