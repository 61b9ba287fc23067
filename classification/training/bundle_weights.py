"""Initial weights from a bundle: those of its LiteRT file as weights of the Keras network.

The converter folds each batch norm into the convolution before it, and the scaling of the input
into an unpadded convolution after it, and orders and names operations by rules of its own.  The
operation of each layer is therefore found by converting the network once more, with the number of
the layer in place of its weights.  A folded batch norm is restored as an offset: its function is
the same, but its statistics are lost, and measured again by `refresh_statistics`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ...errors import InputError
from ...models import find_bundle
from ...models.standalone.litert_graph import read_litert_graph
from .export import to_litert

__all__ = ["copy_bundle_weights", "refresh_statistics", "unfold_weights"]


_FIRST = 1000
"""Number of the first layer: more than there are layers, so that scaled numbers are recognised."""


@dataclass(frozen=True)
class _Kernel:
    """Weights of one operation: index among those of a layer, and the batch norm behind it."""

    layer: keras.layers.Layer
    index: int
    norm: keras.layers.BatchNormalization | None


@dataclass(frozen=True)
class _Operation:
    kind: str
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32] | None


def copy_bundle_weights(path: Path, architecture: str, model: keras.Model) -> None:
    """Copy the weights of a member of a bundle.

    Parameters
    ----------
    path : Path
        The bundle, a folder or ``.zip``.
    architecture : str
        Architecture of the member.
    model : keras.Model
        Network of this architecture, changed in place.

    Raises
    ------
    BundleError
        If the bundle is missing or altered.
    InputError
        If it has no such member, or several.
    ValueError
        If the network of the member is another.
    """
    bundle = find_bundle(path)
    members = bundle.manifest.members
    found = [one for one in members if one.name.rpartition("_")[0] == architecture]
    found += [one for one in members if one.name == architecture]
    if len(found) != 1:
        names = ", ".join(member.name for member in members) or "none"
        raise InputError(
            f"{path}: {len(found)} of its members have the architecture {architecture}, not one; "
            f"they are {names}"
        )
    unfold_weights(bundle.read(found[0].file), model)


def unfold_weights(content: bytes, model: keras.Model) -> None:
    """Set the weights of a network from its LiteRT file.

    The last layer stays as it is if it has another number of classes.

    Parameters
    ----------
    content : bytes
        LiteRT file from `~.export.to_litert`, of any storage.
    model : keras.Model
        Network of the same architecture, of layers that are used once.

    Raises
    ------
    ValueError
        If the networks differ in more than their last layer.
    """
    kernels = _kernels(model)
    numbers, scaled = _execution_order(model)
    operations = _operations(content)
    if len(operations) != len(numbers):
        raise ValueError(f"{len(operations)} layers with weights instead of {len(numbers)}")
    for number, operation in zip(numbers, operations, strict=True):
        kernel = kernels[number]
        weights = kernel.layer.get_weights()
        shape = weights[kernel.index].shape
        if number == scaled:
            operation = _unscaled(operation, _rescaling(model))
        value = _as_keras(operation)
        if value.size != np.prod(shape):
            if number == len(kernels) - 1:
                continue
            raise ValueError(f"'{kernel.layer.name}' of the shape {value.shape}, not {shape}")
        weights[kernel.index] = value.reshape(shape)
        if kernel.norm is not None:
            _set_norm(kernel.norm, operation.bias)
            weights[kernel.index + 1 :] = [
                np.zeros_like(one) for one in weights[kernel.index + 1 :]
            ]
        elif operation.bias is not None and weights[-1].shape == operation.bias.shape:
            weights[-1] = operation.bias
        kernel.layer.set_weights(weights)


def refresh_statistics(model: keras.Model, batches: Iterable[NDArray[np.float32]]) -> None:
    """Measure the statistics of batch norms on images without changing the network at inference.

    Training normalizes by the statistics of a batch, so with norms that are mere offsets it would
    start from another function.  With the mean m and the variance v of its inputs, a norm of slope
    a and intercept b keeps both if ``gamma = a * sqrt(v + epsilon)``, ``beta = b + a * m``,
    ``moving_mean = m`` and ``moving_variance = v``.  A norm without gamma keeps its variance.

    Parameters
    ----------
    model : keras.Model
        The network, changed in place.
    batches : iterable of ndarray of float32, shape (N, S, S, 3)
        Some inputs of the training.
    """
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    inputs = keras.Model(model.inputs, [norm.input for norm in norms])
    moments = [
        [
            (values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2)))
            for values in keras.tree.flatten(inputs.predict_on_batch(batch))
        ]
        for batch in batches
    ]
    for norm, parts in zip(norms, zip(*moments, strict=True), strict=True):
        means, variances = (np.stack(part) for part in zip(*parts, strict=True))
        mean = means.mean(axis=0)
        variance = variances.mean(axis=0) + means.var(axis=0)
        values = {variable.name: variable.numpy() for variable in norm.weights}
        slope = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + norm.epsilon)
        values["beta"] = values["beta"] + slope * (mean - values["moving_mean"])
        values["moving_mean"] = mean
        if "gamma" in values:
            values["gamma"] = slope * np.sqrt(variance + norm.epsilon)
            values["moving_variance"] = variance
        norm.set_weights([values[variable.name] for variable in norm.weights])


def _kernels(model: keras.Model) -> list[_Kernel]:
    """Return the kernels of a network, that of its last layer last."""
    makers = {id(layer.output): layer for layer in model.layers}
    norms = {
        id(makers[id(layer.input)]): layer
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
    }
    found = []
    for layer in model.layers:
        if isinstance(layer, layers.SeparableConv2D):
            found.append(_Kernel(layer, 0, None))
            found.append(_Kernel(layer, 1, norms.get(id(layer))))
        elif isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
            found.append(_Kernel(layer, 0, norms.get(id(layer))))
    return found


def _rescaling(model: keras.Model) -> layers.Rescaling:
    return next(layer for layer in model.layers if isinstance(layer, layers.Rescaling))


def _unscaled(operation: _Operation, rescaling: layers.Rescaling) -> _Operation:
    """Return a convolution without the scaling of its input."""
    kernel = operation.kernel / np.float32(rescaling.scale)
    offset = (kernel * np.asarray(rescaling.offset, np.float32)).sum(axis=(1, 2, 3))
    return _Operation(operation.kind, kernel, operation.bias - offset)


def _execution_order(model: keras.Model) -> tuple[list[int], int | None]:
    """Return the index of the kernel of each operation of the LiteRT file of a network.

    The second value is the index of that into which the scaling of the input is folded, if any.
    """
    numbered = keras.models.clone_model(model)
    kernels = _kernels(numbered)
    for number, kernel in enumerate(kernels, _FIRST):
        weights = kernel.layer.get_weights()
        weights[kernel.index] = np.full_like(weights[kernel.index], number)
        kernel.layer.set_weights(weights)
        if kernel.norm is not None:
            _set_norm(kernel.norm, None)
    content = to_litert(numbered, "float32")
    order: list[int] = []
    scaled = None
    for operation in _operations(content):
        value = float(operation.kernel.flat[0])
        number = round(value) - _FIRST
        if number >= len(kernels):
            number = scaled = round(value / _rescaling(model).scale) - _FIRST
        order.append(number)
    if sorted(order) != list(range(len(kernels))):
        raise ValueError("its layers cannot be told apart in its LiteRT file")
    return order, scaled


def _operations(content: bytes) -> list[_Operation]:
    """Return the operations with weights of a LiteRT file, in order of execution."""
    graph = read_litert_graph(content)
    return [
        _Operation(
            one.kind,
            graph.constants[one.inputs[1]],
            graph.constants.get(one.inputs[2]) if len(one.inputs) > 2 else None,
        )
        for one in graph.operations
        if one.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    ]


def _as_keras(operation: _Operation) -> NDArray[np.float32]:
    """Return a kernel with the filters in the last axis; LiteRT has them in the first."""
    if operation.kind == "CONV_2D":
        return operation.kernel.transpose(1, 2, 3, 0)
    return operation.kernel.T if operation.kind == "FULLY_CONNECTED" else operation.kernel


def _set_norm(norm: keras.layers.BatchNormalization, bias: NDArray[np.float32] | None) -> None:
    """Make a batch norm a mere offset at inference."""
    offset = np.zeros(norm.weights[-1].shape, np.float32) if bias is None else bias
    values = {
        "gamma": np.ones_like(offset),
        "beta": offset,
        "moving_mean": np.zeros_like(offset),
        "moving_variance": np.full_like(offset, 1 - norm.epsilon),
    }
    norm.set_weights([values[variable.name] for variable in norm.weights])
