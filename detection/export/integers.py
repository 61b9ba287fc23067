"""Turn a LiteRT network of floating-point numbers into one that computes with integers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...imaging import cut_tiles
from ...models import InputScaling
from ..predict import field_tiles
from ..training.dataset import TrainingSource
from .half_precision import widen_weights

__all__ = ["quantise_network", "representative_tiles"]


def representative_tiles(
    sources: Sequence[TrainingSource], size: int, count: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield tiles of training images, as the search of these images would cut them.

    Each source gives as many, from images and at places and scales drawn at random.

    Parameters
    ----------
    sources : sequence of TrainingSource
    size : int
        Side of the tiles, pixels.
    count : int
        Number of tiles.
    seed : int
        The same gives the same tiles.
    """
    rng = np.random.default_rng(seed)
    parts = [source.train for source in sources if source.train]
    for number in range(count):
        images = parts[number % len(parts)]
        rgb = images[rng.integers(len(images))].rgb
        tiles = field_tiles(rgb.shape[1], rgb.shape[0], size)
        for _, pixels in cut_tiles(rgb, [tiles[rng.integers(len(tiles))]]):
            yield pixels


def quantise_network(
    content: bytes, tiles: Iterator[NDArray[np.uint8]], scaling: InputScaling
) -> bytes:
    """Return a network of 8-bit weights and activations, with 8-bit input and outputs.

    Post-training quantisation of TensorFlow Lite: the range of every activation is what the tiles
    need, that of the input what 8-bit pixels can be; weights have a scale for each filter,
    activations one for all (Jacob et al. 2018, arXiv:1712.05877).

    Parameters
    ----------
    content : bytes
        A LiteRT file of float32, or with constants of float16.
    tiles : iterator of ndarray of uint8, shape (S, S, 3)
        Images such as the network will see.
    scaling : InputScaling
        How 8-bit pixels become the network's input.

    Raises
    ------
    ValueError
        If the file cannot be quantised, such as one that is in integers already.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    def inputs() -> Iterator[list[NDArray[np.float32]]]:
        for tile in tiles:
            scaled = tile[np.newaxis] * np.float32(scaling.scale) + np.float32(scaling.offset)
            yield [scaled]

    try:
        calibrator = Calibrator(add_intermediate_tensors(widen_weights(content)))
        quantised = mlir_quantize(
            _with_all_pixels(calibrator.calibrate(inputs), scaling),
            fully_quantize=True,
            input_data_type=tf.int8,
            output_data_type=tf.int8,
        )
        left = _float_operations(quantised)
    except Exception as error:
        # A stranger's file breaks the reader of its format in any manner.
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if left:
        raise ValueError(f"there is no {' and no '.join(sorted(left))} in integers")
    return bytes(quantised)


def _with_all_pixels(calibrated: bytes, scaling: InputScaling) -> bytes:
    """Return a network with known ranges that takes the darkest and the brightest pixel."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    (graph,) = model.subgraphs
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min = np.array([scaling.offset], np.float32)
    ranges.max = np.array([255 * scaling.scale + scaling.offset], np.float32)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _float_operations(content: bytes) -> set[str]:
    """Return the kinds of operations of a network that take or give floating-point numbers."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    floats = {
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.type == schema.TensorType.FLOAT32
    }
    kinds = {
        flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        for operator in graph.operators
        if floats.intersection([*operator.inputs, *operator.outputs])
    }
    # Those that lead to and from the others are no fault of their own.
    return kinds - {"QUANTIZE", "DEQUANTIZE"} or kinds
