"""LiteRT networks as a list of operations on tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..litert_file import read_graph

__all__ = ["LiteRTGraph", "Operation", "read_litert_graph"]


@dataclass(frozen=True)
class Operation:
    """Operation of a network.

    Attributes
    ----------
    kind : str
        Name of the operation, such as ``CONV_2D``.
    inputs, outputs : tuple of int
        Numbers of its tensors; -1 for an optional input that is absent.
    options : object or None
        Its options, as in the schema of LiteRT.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True, eq=False)
class LiteRTGraph:
    """Network with one input.

    Attributes
    ----------
    image : int
        Number of the input tensor.
    outputs : tuple of int
        Numbers of the output tensors, in the order of `~galpipe.models.litert.LiteRTNetwork.run`.
    shapes : sequence of tuple of int
        Shape of each tensor, with -1 for sizes that are known at run time only.
    constants : mapping of int to ndarray
        Values of the constant tensors; weights in float32.
    operations : tuple of Operation
        Operations that the outputs depend on, in order of execution.
    storage : {"float32", "float16", "int8"}
        Smallest type in which weights are stored.
    """

    image: int
    outputs: tuple[int, ...]
    shapes: Sequence[tuple[int, ...]]
    constants: Mapping[int, NDArray[Any]]
    operations: tuple[Operation, ...]
    storage: str


def read_litert_graph(content: bytes) -> LiteRTGraph:
    """Read a LiteRT file.

    Parameters
    ----------
    content : bytes

    Raises
    ------
    ValueError
        If the network has several inputs or computes in integers.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model, graph = read_graph(content)
    if len(graph.inputs) != 1:
        raise ValueError(f"its network has {len(graph.inputs)} inputs")
    constants = _constants(model, graph)
    storage = _storage(graph, constants)
    operations = []
    for operator in graph.operators:
        operation = Operation(
            flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex),
            tuple(int(index) for index in operator.inputs),
            tuple(int(index) for index in operator.outputs),
            operator.builtinOptions,
        )
        source = operation.inputs[0] if operation.inputs else -1
        if operation.kind == "DEQUANTIZE" and source in constants:
            constants[operation.outputs[0]] = constants[source]
        else:
            operations.append(operation)
    # As LiteRTNetwork does.
    outputs = sorted((int(index) for index in graph.outputs), key=lambda i: graph.tensors[i].name)
    needed = _needed(operations, outputs)
    _refuse_integers(graph, needed)
    return LiteRTGraph(
        image=int(graph.inputs[0]),
        outputs=tuple(outputs),
        shapes=[_shape(tensor) for tensor in graph.tensors],
        constants=constants,
        operations=needed,
        storage=storage,
    )


def _shape(tensor: Any) -> tuple[int, ...]:
    known = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return () if known is None else tuple(int(side) for side in known)


def _needed(operations: Sequence[Operation], outputs: Sequence[int]) -> tuple[Operation, ...]:
    """Return the operations whose values the outputs depend on.

    The new shape of a reshaped tensor is known without computing it.
    """
    wanted, needed = set(outputs), []
    for operation in reversed(operations):
        if wanted.isdisjoint(operation.outputs):
            continue
        needed.append(operation)
        wanted.update(operation.inputs[:1] if operation.kind == "RESHAPE" else operation.inputs)
    return tuple(reversed(needed))


def _constants(model: Any, graph: Any) -> dict[int, NDArray[Any]]:
    """Return the values of the constant tensors; weights that are stored in less, in float32."""
    from tensorflow.lite.python import schema_py_generated as schema

    types = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.FLOAT16: np.float16,
        schema.TensorType.INT8: np.int8,
        schema.TensorType.UINT8: np.uint8,
        schema.TensorType.INT32: np.int32,
        schema.TensorType.INT64: np.int64,
    }
    constants = {}
    for index, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is None or not len(data) or tensor.type not in types:
            continue
        values = np.frombuffer(bytes(data), types[tensor.type])
        values = values.reshape(() if tensor.shape is None else tensor.shape)
        constants[index] = _as_float(values, tensor.quantization)
    return constants


def _as_float(values: NDArray[Any], quantization: Any) -> NDArray[Any]:
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype.itemsize > 1 or quantization is None or quantization.scale is None:
        return values
    # One scale for the tensor, or one for each index along an axis.
    shape = [1] * values.ndim
    if len(quantization.scale) > 1:
        shape[quantization.quantizedDimension] = -1
    zero, scale = (
        np.asarray(part, np.float32).reshape(shape)
        for part in (quantization.zeroPoint, quantization.scale)
    )
    return np.asarray((values - zero) * scale, np.float32)


def _storage(graph: Any, constants: Mapping[int, Any]) -> str:
    from tensorflow.lite.python import schema_py_generated as schema

    stored = {graph.tensors[index].type for index in constants}
    if stored & {schema.TensorType.INT8, schema.TensorType.UINT8}:
        return "int8"
    return "float16" if schema.TensorType.FLOAT16 in stored else "float32"


def _refuse_integers(graph: Any, operations: Sequence[Operation]) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    integers = {schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16}
    computed = {index for operation in operations for index in operation.outputs}
    if any(graph.tensors[index].type in integers for index in computed):
        raise ValueError(
            "its network computes in 8-bit integers; export the model that it was quantized from"
        )
