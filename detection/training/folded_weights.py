"""Read the weights of a detector back out of its LiteRT file.

The converter folds each batch norm into the convolution before it, and names every operation after
the layers that it stands for.  A norm that was folded comes back as a scale and an offset; what
it computes is the same, its statistics are lost (see :mod:`galpipe.detection.training.statistics`).
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from .backbone import weighted_layers
from .litert_operations import Array, LayerName, Operation, common_names, read_operations

__all__ = ["UnknownLayoutError", "unfold_weights"]

_Layers = dict[LayerName, Any]


class UnknownLayoutError(ValueError):
    """The file is not laid out as a model of this package."""


def unfold_weights(content: bytes, model: Any) -> None:
    """Fill a model with the weights of a LiteRT file that was exported from one like it.

    Parameters
    ----------
    content : bytes
        From :func:`~galpipe.detection.export.export_litert`.
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
        operations = _unfold_fusions(fusions, read_operations(content))
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
        # A stranger's file breaks the reader of its format in any manner.
        raise UnknownLayoutError(f"{type(error).__name__}: {error}") from error


def _is_norm(layer: Any) -> bool:
    return hasattr(layer, "moving_mean")


def _is_fusion(layer: Any) -> bool:
    return hasattr(layer, "fusion_weights")


def _named_layers(model: Any) -> _Layers:
    """Return the convolutions, batch norms and fusions of pyramid and heads, which have names."""
    layers = {
        (part.name, layer.name): layer
        for part in (model.decoder, model.head)
        for layer in part.submodules
        if hasattr(layer, "kernel_size") or _is_norm(layer) or _is_fusion(layer)
    }
    common = common_names(layers)
    return {common[name]: layer for name, layer in layers.items()}


def _unfold_fusions(fusions: _Layers, operations: list[Operation]) -> list[Operation]:
    """Fill weighted fusions; return the operations with no shares in their convolutions.

    The share of a map is a factor of its own, or folded into the convolution that makes the map.
    """
    making = {operation.output: operation for operation in operations}
    for name, fusion in fusions.items():
        sums = [
            operation
            for operation in operations
            if operation.kind == "ADD" and name in operation.layers
        ]
        partial = {operation.output for operation in sums}
        summed = [index for operation in sums for index in operation.inputs]
        terms = [making[index] for index in summed if index not in partial]
        shares = [_share(term) for term in terms]
        (maps,) = fusion.fusion_weights.shape
        if len(terms) != maps:
            raise UnknownLayoutError(f"'{fusion.name}' sums {len(terms)} maps in place of {maps}")
        for term, share, chosen in zip(terms, shares, fusion.set_shares(shares), strict=True):
            if share is None and chosen > 0:
                constants = tuple(constant / np.float32(chosen) for constant in term.constants)
                making[term.output] = dataclasses.replace(term, constants=constants)
    return list(making.values())


def _share(term: Operation) -> float | None:
    """Return the factor of a map in a weighted fusion; None if its convolution has it."""
    if term.kind == "MUL" and [constant.size for constant in term.constants] == [1]:
        return term.constants[0].item()
    if term.kind != "CONV_2D":
        raise UnknownLayoutError(f"a {term.kind} is added in place of a share of a map")
    return None


def _fill_backbone(backbone: Any, operations: list[Operation]) -> None:
    """Fill a MobileNetV2 or EfficientNet, whose layers follow each other in the file too."""
    layers = itertools.pairwise([*weighted_layers(backbone), None])
    convolutions = [(layer, after) for layer, after in layers if not _is_norm(layer)]
    if len(operations) > len(convolutions):
        raise UnknownLayoutError(
            f"the backbone has {len(operations)} convolutions in place of {len(convolutions)}"
        )
    # The last ones, if no level of the pyramid needs them, were not exported.
    for (convolution, after), operation in zip(convolutions, operations, strict=False):
        kernel, offset = operation.constants
        if _is_norm(after):
            _assign(convolution, [_as_keras(kernel)])
            _set_norm(after, np.ones_like(offset), offset)
        else:
            _assign(convolution, [_as_keras(kernel), offset])


def _fill_convolution(layer: Any, found: list[Operation], named: _Layers) -> None:
    """Fill a convolution, separable or not, and the norms, one a level, folded into it."""
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
    # Each is the shared kernel times the scale of its level; of each filter the largest is taken
    # for the shared one.
    sizes = np.square(kernels).sum(axis=(1, 2, 3))
    largest = kernels[sizes.argmax(axis=0), ..., np.arange(sizes.shape[1])]
    shared = np.moveaxis(largest, 0, -1)
    scales = (kernels * shared).sum(axis=(1, 2, 3)) / np.maximum(sizes.max(axis=0), 1e-30)
    _assign(layer, [*spatial, shared, np.zeros_like(offsets[0])])
    for norm, scale, offset in zip(folded, scales, offsets, strict=True):
        if norm is None:
            raise UnknownLayoutError(f"a level of '{layer.name}' has no batch norm")
        _set_norm(norm, scale, offset)


def _fill_unfolded_norm(norm: Any, found: list[Operation]) -> None:
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
