"""Read the weights of an SSD-MobileNet back out of its LiteRT file.

The converter folds each batch norm into the convolution before it, and names every operation after
the layers that it stands for.  A norm that was folded comes back as a scale and an offset; what
it computes is the same, its statistics are lost (see :mod:`galpipe.detection.statistics`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .backbone import weighted_layers

__all__ = ["UnknownLayoutError", "unfold_weights"]

Array = NDArray[np.float32]


class UnknownLayoutError(ValueError):
    """The file is not laid out as this package's SSD-MobileNet."""


@dataclass(frozen=True)
class _Operation:
    """What a LiteRT operation computes, by the names of the layers that it stands for."""

    kind: str
    layers: tuple[str, ...]
    constants: tuple[Array, ...]


def unfold_weights(content: bytes, model: Any) -> None:
    """Fill a model with the weights of a LiteRT file that was exported from one like it.

    Parameters
    ----------
    content : bytes
        From :func:`~galpipe.detection.export.export_litert`.
    model : RetinaNetModel
        An ``ssd_mobilenet`` with the levels, anchors and classes of the exported one.

    Raises
    ------
    UnknownLayoutError
        If a layer is not found in the file, or does not fit.
    """
    try:
        operations = list(_operations(content))
        named = _named_layers(model)
        backbone = [
            operation
            for operation in operations
            if operation.kind.endswith("CONV_2D") and not named.keys() & set(operation.layers)
        ]
        _fill_backbone(model.backbone, backbone)
        for name, layer in named.items():
            found = [operation for operation in operations if name in operation.layers]
            if _is_norm(layer):
                _fill_unfolded_norm(layer, found)
            else:
                _fill_separable(layer, found, named)
    except UnknownLayoutError:
        raise
    except Exception as error:
        # A stranger's file breaks the reader of its format in any manner.
        raise UnknownLayoutError(f"{type(error).__name__}: {error}") from error


def _is_norm(layer: Any) -> bool:
    return hasattr(layer, "moving_mean")


def _named_layers(model: Any) -> dict[str, Any]:
    """Return the separable convolutions and batch norms of pyramid and heads, which have names."""
    return {
        layer.name: layer
        for part in (model.decoder, model.head)
        for layer in part.submodules
        if hasattr(layer, "pointwise_kernel") or _is_norm(layer)
    }


def _fill_backbone(backbone: Any, operations: list[_Operation]) -> None:
    """Fill a MobileNetV2, whose layers follow each other in the file too."""
    layers = list(weighted_layers(backbone))
    convolutions, norms = layers[::2], layers[1::2]
    if len(operations) > len(convolutions):
        raise UnknownLayoutError(
            f"the backbone has {len(operations)} convolutions in place of {len(convolutions)}"
        )
    # The last ones, if no level of the pyramid needs them, were not exported.
    for convolution, norm, operation in zip(convolutions, norms, operations, strict=False):
        kernel, offset = operation.constants
        _assign(convolution, [_as_keras(kernel)])
        _set_norm(norm, np.ones_like(offset), offset)


def _fill_separable(layer: Any, found: list[_Operation], named: dict[str, Any]) -> None:
    """Fill a separable convolution, and the norms, one for each level, that were folded into it."""
    depthwise = [operation for operation in found if operation.kind == "DEPTHWISE_CONV_2D"]
    pointwise = [operation for operation in found if operation.kind == "CONV_2D"]
    if not depthwise or not pointwise:
        raise UnknownLayoutError(f"there is no '{layer.name}'")
    spatial = _as_keras(depthwise[0].constants[0])
    kernels = np.stack([_as_keras(operation.constants[0]) for operation in pointwise])
    offsets = [operation.constants[1] for operation in pointwise]
    folded = [
        next((named[name] for name in operation.layers if _is_norm(named.get(name))), None)
        for operation in pointwise
    ]
    if not any(folded):
        _assign(layer, [spatial, kernels[0], offsets[0]])
        return
    # Each is the shared kernel times the scale of its level; of each filter the largest is taken
    # for the shared one.
    sizes = np.square(kernels).sum(axis=(1, 2, 3))
    largest = kernels[sizes.argmax(axis=0), ..., np.arange(sizes.shape[1])]
    shared = np.moveaxis(largest, 0, -1)
    scales = (kernels * shared).sum(axis=(1, 2, 3)) / np.maximum(sizes.max(axis=0), 1e-30)
    _assign(layer, [spatial, shared, np.zeros_like(offsets[0])])
    for norm, scale, offset in zip(folded, scales, offsets, strict=True):
        if norm is None:
            raise UnknownLayoutError(f"a level of '{layer.name}' has no batch norm")
        _set_norm(norm, scale, offset)


def _fill_unfolded_norm(norm: Any, found: list[_Operation]) -> None:
    """Fill a norm that could not be folded, for the convolution before it is used elsewhere too."""
    kinds = {operation.kind for operation in found}
    if not kinds:
        raise UnknownLayoutError(f"there is no '{norm.name}'")
    if kinds != {"MUL", "ADD"}:
        return
    scale, offset = (
        next(operation.constants[0] for operation in found if operation.kind == kind)
        for kind in ("MUL", "ADD")
    )
    _set_norm(norm, scale, offset)


def _set_norm(norm: Any, scale: Array, offset: Array) -> None:
    variance = np.full_like(scale, 1 - norm.epsilon)
    _assign(norm, [scale, offset, np.zeros_like(scale), variance])


def _as_keras(kernel: Array) -> Array:
    """Turn (filters, height, width, channels) into Keras's order: filters last."""
    return kernel.transpose(1, 2, 3, 0)


def _assign(layer: Any, values: list[Array]) -> None:
    shapes = [tuple(weight.shape) for weight in layer.weights]
    if shapes != [value.shape for value in values]:
        raise UnknownLayoutError(
            f"'{layer.name}' has the shapes {[value.shape for value in values]} in place of "
            f"{shapes}"
        )
    layer.set_weights(values)


def _operations(content: bytes) -> Iterator[_Operation]:
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    widened: dict[int, int] = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if kind == "DEQUANTIZE":
            widened[operator.outputs[0]] = operator.inputs[0]
            continue
        constants = []
        for index in operator.inputs:
            tensor = graph.tensors[widened.get(index, index)]
            data = model.buffers[tensor.buffer].data
            if data is not None and tensor.type in types:
                values = np.frombuffer(bytes(data), types[tensor.type]).astype(np.float32)
                constants.append(values.reshape(tensor.shape))
        # "fpn/norm_4/FusedBatchNormV3;fpn/post_hoc_4/BiasAdd": scopes, layer, operation.
        names = graph.tensors[operator.outputs[0]].name.decode().split(";")
        layers = tuple(part for name in names for part in name.split("/")[:-1])
        yield _Operation(kind, layers, tuple(constants))
