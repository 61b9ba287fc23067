"""Export of trained detectors to LiteRT files whose large weights are stored in 16 bits.

The converter can store either all weights in 16 bits or none.  The small ones, the depthwise
kernels, the first layers and the biases, make up 4 % of a MobileNet and nine tenths of the error:
each of their values is used throughout the image, and few others average its rounding out.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..training.architectures import head_outputs

__all__ = ["export_litert", "flat_heads", "halve_large_weights", "widen_weights"]

_LARGE = 5000
"""Number of values from which a tensor is stored in 16 bits.  (Measured on a trained
SSD-MobileNetV2-FPNLite: with all tensors in 16 bits scores differ by up to 0.018, with those by
0.001.)"""


def export_litert(model: Any, input_size: int, anchors_per_cell: int) -> bytes:
    """Convert the heads of a model to a LiteRT file.

    Boxes are decoded and suppressed outside the graph, several times faster than in it.

    Parameters
    ----------
    model : RetinaNetModel
    input_size : int
        Side S of the network's input, pixels.
    anchors_per_cell : int

    Returns
    -------
    bytes
        The input has the shape (N, S, S, 3), scaled by
        :data:`~galpipe.detection.training.architectures.INPUT_SCALING`; the outputs are those of
        :func:`flat_heads`.
    """
    import tensorflow as tf

    def heads(images: Any) -> tuple[Any, Any]:
        return flat_heads(model, images, anchors_per_cell)

    # One image; LiteRT resizes the batch, since no shape inside depends on it.
    signature = tf.TensorSpec((1, input_size, input_size, 3), tf.float32)
    concrete = tf.function(heads).get_concrete_function(signature)
    # Track the variables alone: the converter would try to save the whole Keras model.
    holder = tf.Module()
    holder.kept = model.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    return halve_large_weights(converter.convert())


def flat_heads(model: Any, images: Any, anchors_per_cell: int) -> tuple[Any, Any]:
    """Return the raw outputs of all anchors in the order of `multilevel_anchors`.

    Parameters
    ----------
    model : RetinaNetModel
    images : tensor, shape (N, S, S, 3)
        Scaled by :data:`~galpipe.detection.training.architectures.INPUT_SCALING`.
    anchors_per_cell : int

    Returns
    -------
    class_logits : tensor, shape (N, A, classes)
        Without the background.
    box_codes : tensor, shape (N, A, 4)
    """
    import tensorflow as tf

    logits, codes = head_outputs(model, images, training=False)

    def flat(levels: dict[str, Any]) -> Any:
        rows = []
        for level in levels.values():
            _, height, width, channels = level.shape
            rows.append(
                tf.reshape(
                    level, (-1, height * width * anchors_per_cell, channels // anchors_per_cell)
                )
            )
        return tf.concat(rows, axis=1)

    # Class 0 is the background.
    return flat(logits)[:, :, 1:], flat(codes)


def halve_large_weights(content: bytes) -> bytes:
    """Store the large weights of a LiteRT file as float16.

    Parameters
    ----------
    content : bytes
        LiteRT file with float32 weights.

    Returns
    -------
    bytes
        LiteRT converts the weights back to float32 when it loads the file, and computes in
        float32 as before.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    widen = schema.OperatorCodeT()
    widen.builtinCode = widen.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    widen.version = 2  # the first that takes float16
    model.operatorCodes.append(widen)
    widenings, halves = [], {}
    for index, tensor in enumerate(list(graph.tensors)):
        data = model.buffers[tensor.buffer].data
        is_large = int(np.prod(tensor.shape)) > _LARGE
        if data is None or tensor.type != schema.TensorType.FLOAT32 or not is_large:
            continue
        if tensor.buffer not in halves:
            halves[tensor.buffer] = len(graph.tensors)
            half = copy.copy(tensor)
            half.type = schema.TensorType.FLOAT16
            half.name = tensor.name + b"/half"
            graph.tensors.append(half)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs = np.array([halves[tensor.buffer]], np.int32)
        operator.outputs = np.array([index], np.int32)
        widenings.append(operator)
        tensor.buffer = 0  # the empty buffer: the tensor is now computed
    for number in halves:
        buffer = model.buffers[number]
        values = np.frombuffer(bytes(buffer.data), np.float32).astype(np.float16)
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    graph.operators = widenings + list(graph.operators)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def widen_weights(content: bytes) -> bytes:
    """Store the float16 weights of a LiteRT file as float32.

    Parameters
    ----------
    content : bytes
        LiteRT file such as :func:`halve_large_weights` returns.

    Returns
    -------
    bytes
        The same network without the operations that convert weights to float32.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    halves = {
        index: tensor.buffer
        for index, tensor in enumerate(graph.tensors)
        if tensor.type == schema.TensorType.FLOAT16
        and model.buffers[tensor.buffer].data is not None
    }
    for number in set(halves.values()):
        buffer = model.buffers[number]
        values = np.frombuffer(bytes(buffer.data), np.float16).astype(np.float32)
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    for index in halves:
        graph.tensors[index].type = schema.TensorType.FLOAT32
    # Float16 constants are read by these conversions alone.
    widened = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if operator.inputs[0] in halves
    }
    graph.operators = [
        operator for operator in graph.operators if operator.outputs[0] not in widened
    ]
    # A reader of the file may not know an operation that is listed but not used.
    used = sorted({operator.opcodeIndex for operator in graph.operators})
    model.operatorCodes = [model.operatorCodes[index] for index in used]
    for operator in graph.operators:
        operator.opcodeIndex = used.index(operator.opcodeIndex)
        inputs = [widened.get(index, index) for index in operator.inputs]
        operator.inputs = np.array(inputs, np.int32)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
