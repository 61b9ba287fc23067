"""Weights of a detector, read back out of its LiteRT file.

The converter folds each batch norm into the convolution before it, and names every operation after
the layers that it merged.  A folded norm comes back as a scale and an offset: the function is the
same, the statistics are lost (`~galpipe.detection.training.starting_point.refresh_statistics`).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .backbone import weighted_layers

__all__ = ["UnknownLayoutError", "unfold_weights"]

_Array = NDArray[np.float32]
_LayerName = tuple[str, str]
"""Part of a model, and layer in it."""
_Layers = dict[_LayerName, Any]


class UnknownLayoutError(ValueError):
    """The file is not laid out as a model of this package."""


@dataclasses.dataclass(frozen=True)
class _Operation:
    """_Operation of a LiteRT file: kind, layers, constants, and indices of its tensors."""

    kind: str
    layers: tuple[_LayerName, ...]
    constants: tuple[_Array, ...]
    inputs: tuple[int, ...]
    output: int


def unfold_weights(content: bytes, model: Any) -> None:
    """Set the weights of a model to those of a LiteRT file that was exported from one like it.

    Parameters
    ----------
    content : bytes
        From `~galpipe.detection.export.litert_export.export_litert`.
    model : RetinaNetModel
        With the architecture, levels, anchors and classes of the exported one.

    Raises
    ------
    UnknownLayoutError
        If a layer is not found in the file, or does not fit.
    """
    try:
        named = _named_layers(model)
        fusions = {name: layer for name, layer in named.items() if _is_fusion(layer)}
        operations = _unfold_fusions(fusions, _read_operations(content))
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
            elif not _is_fusion(layer):
                _fill_convolution(layer, found, named)
    except UnknownLayoutError:
        raise
    except Exception as error:
        # A damaged file can raise any exception.
        raise UnknownLayoutError(f"{type(error).__name__}: {error}") from error


def _is_norm(layer: Any) -> bool:
    return hasattr(layer, "moving_mean")


def _is_fusion(layer: Any) -> bool:
    return hasattr(layer, "fusion_weights")


def _named_layers(model: Any) -> _Layers:
    """Return the named layers: convolutions, batch norms and fusions of pyramid and heads."""
    layers = {
        (part.name, layer.name): layer
        for part in (model.decoder, model.head)
        for layer in part.submodules
        if hasattr(layer, "kernel_size") or _is_norm(layer) or _is_fusion(layer)
    }
    common = _common_names(layers)
    return {common[name]: layer for name, layer in layers.items()}


def _unfold_fusions(fusions: _Layers, operations: list[_Operation]) -> list[_Operation]:
    """Set the weights of fusions, and return the operations without these weights.

    The share of a feature map is a factor of its own, or folded into the convolution before it.
    """
    makers = {operation.output: operation for operation in operations}
    for name, fusion in fusions.items():
        sums = [
            operation
            for operation in operations
            if operation.kind == "ADD" and name in operation.layers
        ]
        partial = {operation.output for operation in sums}
        summed = [index for operation in sums for index in operation.inputs]
        terms = [makers[index] for index in summed if index not in partial]
        shares = [_share(term) for term in terms]
        (maps,) = fusion.fusion_weights.shape
        if len(terms) != maps:
            raise UnknownLayoutError(f"'{fusion.name}' sums {len(terms)} maps in place of {maps}")
        for term, share, chosen in zip(terms, shares, fusion.set_shares(shares), strict=True):
            if share is None and chosen > 0:
                constants = tuple(constant / np.float32(chosen) for constant in term.constants)
                makers[term.output] = dataclasses.replace(term, constants=constants)
    return list(makers.values())


def _share(term: _Operation) -> float | None:
    """Return the share of a feature map in a fusion; None if folded into its convolution."""
    if term.kind == "MUL" and [constant.size for constant in term.constants] == [1]:
        return term.constants[0].item()
    if term.kind != "CONV_2D":
        raise UnknownLayoutError(f"a {term.kind} is added in place of a share of a map")
    return None


def _fill_backbone(backbone: Any, operations: list[_Operation]) -> None:
    """Set the weights of a backbone, whose layers are in order in the file."""
    layers = itertools.pairwise([*weighted_layers(backbone), None])
    convolutions = [(layer, after) for layer, after in layers if not _is_norm(layer)]
    if len(operations) > len(convolutions):
        raise UnknownLayoutError(
            f"the backbone has {len(operations)} convolutions in place of {len(convolutions)}"
        )
    # The last ones are not exported if no level of the pyramid needs them.
    for (convolution, after), operation in zip(convolutions, operations, strict=False):
        kernel, offset = operation.constants
        if _is_norm(after):
            _assign(convolution, [_as_keras(kernel)])
            _set_norm(after, np.ones_like(offset), offset)
        else:
            _assign(convolution, [_as_keras(kernel), offset])


def _fill_convolution(layer: Any, found: list[_Operation], named: _Layers) -> None:
    """Set the weights of a convolution, separable or not, and of the norms of its levels."""
    depthwise = [operation for operation in found if operation.kind == "DEPTHWISE_CONV_2D"]
    pointwise = [operation for operation in found if operation.kind == "CONV_2D"]
    if not pointwise:
        raise UnknownLayoutError(f"there is no '{layer.name}'")
    spatial = [_as_keras(operation.constants[0]) for operation in depthwise[:1]]
    kernels = np.stack([_as_keras(operation.constants[0]) for operation in pointwise])
    offsets = [operation.constants[1] for operation in pointwise]
    folded = [
        next((named[name] for name in operation.layers if _is_norm(named.get(name))), None)
        for operation in pointwise
    ]
    if not any(folded):
        _assign(layer, [*spatial, kernels[0], offsets[0]])
        return
    # Each level has the shared kernel times a scale; the largest of each filter becomes the
    # shared one.
    sizes = np.square(kernels).sum(axis=(1, 2, 3))
    largest = kernels[sizes.argmax(axis=0), ..., np.arange(sizes.shape[1])]
    shared = np.moveaxis(largest, 0, -1)
    scales = (kernels * shared).sum(axis=(1, 2, 3)) / np.maximum(sizes.max(axis=0), 1e-30)
    _assign(layer, [*spatial, shared, np.zeros_like(offsets[0])])
    for norm, scale, offset in zip(folded, scales, offsets, strict=True):
        if norm is None:
            raise UnknownLayoutError(f"a level of '{layer.name}' has no batch norm")
        _set_norm(norm, scale, offset)


def _fill_unfolded_norm(norm: Any, found: list[_Operation]) -> None:
    """Set the weights of a norm that was not folded, as its convolution is used elsewhere too."""
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


def _set_norm(norm: Any, scale: _Array, offset: _Array) -> None:
    variance = np.full_like(scale, 1 - norm.epsilon)
    _assign(norm, [scale, offset, np.zeros_like(scale), variance])


def _as_keras(kernel: _Array) -> _Array:
    """Move the filters, which LiteRT has first, to the last axis."""
    return kernel.transpose(1, 2, 3, 0)


def _assign(layer: Any, values: list[_Array]) -> None:
    shapes = [tuple(weight.shape) for weight in layer.weights]
    if shapes != [value.shape for value in values]:
        raise UnknownLayoutError(
            f"'{layer.name}' has the shapes {[value.shape for value in values]} in place of "
            f"{shapes}"
        )
    layer.set_weights(values)


def _common_names(names: Iterable[_LayerName]) -> dict[_LayerName, _LayerName]:
    """Return the names of layers as in a model that is the first of its process.

    Keras numbers the layers of a kind through all models of a process; here the first one of a
    kind in a part has number 0.
    """
    split = {(part, layer): (_split(part)[0], *_split(layer)) for part, layer in names}
    first: dict[_LayerName, int] = {}
    for part, kind, number in split.values():
        first[part, kind] = min(number, first.get((part, kind), number))
    return {
        name: (part, f"{kind}_{number - first[part, kind]}")
        for name, (part, kind, number) in split.items()
    }


def _read_operations(content: bytes) -> list[_Operation]:
    """Return the operations of a LiteRT file in order of execution, constants as float32."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    layers = [_layers(tensor.name.decode()) for tensor in graph.tensors]
    common = _common_names(name for names in layers for name in names)
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
        operations.append(_Operation(kind, names, tuple(constants), inputs, output))
    return operations


def _layers(name: str) -> list[_LayerName]:
    """Return the layers of "fpn/norm_4/FusedBatchNormV3;fpn/post_hoc_4/separable/BiasAdd"."""
    paths = [path.split("/") for path in name.split(";")]
    return [(path[0], path[1]) for path in paths if len(path) > 2]


def _split(name: str) -> tuple[str, int]:
    """Return the kind and number of "norm_4"; without a number it is the first."""
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    return (numbered[1], int(numbered[2])) if numbered else (name, 0)
