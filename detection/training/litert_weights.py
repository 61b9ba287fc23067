"""Restore the weights of a detector from its LiteRT file.

The converter folds each batch norm into the preceding convolution, and names each operation after
the merged layers.  A folded batch norm is restored as scale and offset: its function is the same,
but its statistics are lost (`~galpipe.detection.training.starting_point.refresh_statistics`).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.litert_file import read_graph
from .backbone import is_norm, weighted_layers

__all__ = ["UnknownLayoutError", "unfold_weights"]

_Array = NDArray[np.float32]
_LayerName = tuple[str, str]
"""Part of a model, and layer of the part."""
_Layers = dict[_LayerName, Any]


class UnknownLayoutError(ValueError):
    """The file does not have the layout of a model of this package."""


@dataclasses.dataclass(frozen=True)
class _Operation:
    """Operation of a LiteRT file: kind, layers, constants, and indices of its tensors."""

    kind: str
    layers: tuple[_LayerName, ...]
    constants: tuple[_Array, ...]
    inputs: tuple[int, ...]
    output: int


def unfold_weights(content: bytes, model: Any) -> None:
    """Set the weights of a model from a LiteRT file exported from an identical one.

    Parameters
    ----------
    content : bytes
        LiteRT file from `~galpipe.detection.export.litert_export.export_litert`.
    model : RetinaNetModel
        Model with the same architecture, levels, anchors and classes.

    Raises
    ------
    UnknownLayoutError
        If a layer is missing in the file, or has another shape.
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
            if is_norm(layer):
                _fill_unfolded_norm(layer, found)
            elif not _is_fusion(layer):
                _fill_convolution(layer, found, named)
    except UnknownLayoutError:
        raise
    except Exception as error:
        # A damaged file can raise any exception.
        raise UnknownLayoutError(f"{type(error).__name__}: {error}") from error


def _is_fusion(layer: Any) -> bool:
    return hasattr(layer, "fusion_weights")


def _named_layers(model: Any) -> _Layers:
    """Return the named layers: convolutions, batch norms and fusions of pyramid and heads."""
    layers = {
        (part.name, layer.name): layer
        for part in (model.decoder, model.head)
        for layer in part.submodules
        if hasattr(layer, "kernel_size") or is_norm(layer) or _is_fusion(layer)
    }
    common = _common_names(layers)
    return {common[name]: layer for name, layer in layers.items()}


def _unfold_fusions(fusions: _Layers, operations: list[_Operation]) -> list[_Operation]:
    """Set the weights of fusions, and return the operations without these weights.

    The share of a feature map is a separate factor, or folded into the preceding convolution.
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
            raise UnknownLayoutError(f"'{fusion.name}' sums {len(terms)} maps instead of {maps}")
        for term, share, chosen in zip(terms, shares, fusion.set_shares(shares), strict=True):
            if share is None and chosen > 0:
                constants = tuple(constant / np.float32(chosen) for constant in term.constants)
                makers[term.output] = dataclasses.replace(term, constants=constants)
    return list(makers.values())


def _share(term: _Operation) -> float | None:
    """Return the share of a feature map in a fusion; None if it is folded into a convolution."""
    if term.kind == "MUL" and [constant.size for constant in term.constants] == [1]:
        return term.constants[0].item()
    if term.kind != "CONV_2D":
        raise UnknownLayoutError(f"a fusion adds a {term.kind} instead of a weighted map")
    return None


def _fill_backbone(backbone: Any, operations: list[_Operation]) -> None:
    """Set the weights of a backbone, whose layers are in the same order in the file."""
    layers = itertools.pairwise([*weighted_layers(backbone), None])
    convolutions = [(layer, after) for layer, after in layers if not is_norm(layer)]
    if len(operations) > len(convolutions):
        raise UnknownLayoutError(
            f"the backbone has {len(operations)} convolutions instead of {len(convolutions)}"
        )
    # The last layers are not exported if no level of the pyramid uses them.
    for (convolution, after), operation in zip(convolutions, operations, strict=False):
        kernel, offset = operation.constants
        if is_norm(after):
            _assign(convolution, [_as_keras(kernel)])
            _set_norm(after, np.ones_like(offset), offset)
        else:
            _assign(convolution, [_as_keras(kernel), offset])


def _fill_convolution(layer: Any, found: list[_Operation], named: _Layers) -> None:
    """Set the weights of a convolution, separable or not, and of its batch norms per level."""
    depthwise = [operation for operation in found if operation.kind == "DEPTHWISE_CONV_2D"]
    pointwise = [operation for operation in found if operation.kind == "CONV_2D"]
    if not pointwise:
        raise UnknownLayoutError(f"'{layer.name}' is missing")
    spatial = [_as_keras(operation.constants[0]) for operation in depthwise[:1]]
    kernels = np.stack([_as_keras(operation.constants[0]) for operation in pointwise])
    offsets = [operation.constants[1] for operation in pointwise]
    folded = [
        next((named[name] for name in operation.layers if is_norm(named.get(name))), None)
        for operation in pointwise
    ]
    if not any(folded):
        _assign(layer, [*spatial, kernels[0], offsets[0]])
        return
    # Each level has the shared kernel times a scale: use the largest kernel of each filter as the
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
    """Set the weights of a norm that was not folded because its convolution is used elsewhere."""
    kinds = {operation.kind for operation in found}
    if not kinds:
        raise UnknownLayoutError(f"'{norm.name}' is missing")
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
    """Move the filters from the first axis, as in LiteRT, to the last."""
    return kernel.transpose(1, 2, 3, 0)


def _assign(layer: Any, values: list[_Array]) -> None:
    shapes = [tuple(weight.shape) for weight in layer.weights]
    if shapes != [value.shape for value in values]:
        raise UnknownLayoutError(
            f"'{layer.name}' has the shapes {[value.shape for value in values]} instead of {shapes}"
        )
    layer.set_weights(values)


def _common_names(names: Iterable[_LayerName]) -> dict[_LayerName, _LayerName]:
    """Map layer names to those in the first model of a process.

    Keras numbers layers of a kind across all models of a process; here the first layer of a kind
    in each part has number 0.
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

    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    model, graph = read_graph(content)
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
    """Return the layers of a name such as "fpn/norm_4/FusedBatchNormV3;fpn/post_4/BiasAdd"."""
    paths = [path.split("/") for path in name.split(";")]
    return [(path[0], path[1]) for path in paths if len(path) > 2]


def _split(name: str) -> tuple[str, int]:
    """Split a name such as "norm_4" into kind and number, 0 if there is none."""
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    return (numbered[1], int(numbered[2])) if numbered else (name, 0)
