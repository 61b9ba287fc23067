"""The operations of a LiteRT file: their constants, and the layers that they stand for.

The converter names every operation after the layers that it merged into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "LayerName", "Operation", "common_names", "read_operations"]

Array = NDArray[np.float32]
LayerName = tuple[str, str]
"""A part of a model, and a layer in it."""


@dataclass(frozen=True)
class Operation:
    """What a LiteRT operation computes, from which tensors, and for which layers."""

    kind: str
    layers: tuple[LayerName, ...]
    constants: tuple[Array, ...]
    inputs: tuple[int, ...]
    output: int


def common_names(names: Iterable[LayerName]) -> dict[LayerName, LayerName]:
    """Name layers as they are named in every model like theirs.

    Keras numbers the layers of a kind through all models of a process; here the first one of a
    kind in a part is number 0.

    Parameters
    ----------
    names : iterable of LayerName
        All layers of a model, or those of a kind.
    """
    split = {(part, layer): (_split(part)[0], *_split(layer)) for part, layer in names}
    first: dict[LayerName, int] = {}
    for part, kind, number in split.values():
        first[part, kind] = min(number, first.get((part, kind), number))
    return {
        name: (part, f"{kind}_{number - first[part, kind]}")
        for name, (part, kind, number) in split.items()
    }


def read_operations(content: bytes) -> list[Operation]:
    """Return the operations of a LiteRT file in the order in which they are run.

    Parameters
    ----------
    content : bytes
        From :func:`~galpipe.detection.export.export_litert`.

    Returns
    -------
    list of Operation
        Layers by their :func:`common_names`; constants widened to 32 bits.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    layers = [_layers(tensor.name.decode()) for tensor in graph.tensors]
    common = common_names(name for names in layers for name in names)
    widened: dict[int, int] = {}
    operations = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        output = int(operator.outputs[0])
        if kind == "DEQUANTIZE":
            widened[output] = operator.inputs[0]
            continue
        constants = []
        for index in operator.inputs:
            tensor = graph.tensors[widened.get(index, index)]
            data = model.buffers[tensor.buffer].data
            if data is not None and tensor.type in types:
                values = np.frombuffer(bytes(data), types[tensor.type]).astype(np.float32)
                constants.append(values.reshape(tensor.shape))
        names = tuple(common[name] for name in layers[output])
        inputs = tuple(int(index) for index in operator.inputs)
        operations.append(Operation(kind, names, tuple(constants), inputs, output))
    return operations


def _layers(name: str) -> list[LayerName]:
    """Return the layers of "fpn/norm_4/FusedBatchNormV3;fpn/post_hoc_4/separable/BiasAdd"."""
    paths = [path.split("/") for path in name.split(";")]
    return [(path[0], path[1]) for path in paths if len(path) > 2]


def _split(name: str) -> tuple[str, int]:
    """Return the kind and number of "norm_4"; without a number it is the first."""
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    return (numbered[1], int(numbered[2])) if numbered else (name, 0)
