"""LiteRT networks as Keras models of standard layers.

The weights become those of the layers, so that the model can be saved, trained further and loaded
without this package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from .litert_graph import LiteRTGraph, Operation

__all__ = ["UnsupportedOperationError", "keras_network"]

Value: TypeAlias = Any
"""Symbolic tensor of Keras, or an array."""


class UnsupportedOperationError(ValueError):
    """The network has an operation without a counterpart in Keras.

    Parameters
    ----------
    operation : str
        What has none.
    """

    def __init__(self, operation: str) -> None:
        super().__init__(f"its network contains {operation}, for which Keras has no standard layer")


def keras_network(graph: LiteRTGraph) -> keras.Model:
    """Build the Keras model of a LiteRT network, with its weights.

    Parameters
    ----------
    graph : LiteRTGraph

    Returns
    -------
    keras.Model
        Input of shape (N, H, W, 3) in float32, scaled as that of the LiteRT network; outputs in the
        order of `graph.outputs`, a list if there are several.

    Raises
    ------
    UnsupportedOperationError
        If an operation has no counterpart in Keras.
    """
    image = keras.Input(graph.shapes[graph.image][1:], dtype="float32")
    values: dict[int, Value] = {**graph.constants, graph.image: image}
    for operation in graph.operations:
        convert = _CONVERTERS.get(operation.kind)
        if convert is None:
            raise UnsupportedOperationError(f"the operation {operation.kind}")
        inputs = [values.get(index) for index in operation.inputs]
        shape = graph.shapes[operation.outputs[0]]
        values[operation.outputs[0]] = convert(inputs, operation, shape)
    outputs = [_dependent(values[index], image) for index in graph.outputs]
    return keras.Model(image, outputs[0] if len(outputs) == 1 else outputs)


def _dependent(value: Value, image: Value) -> Value:
    """Repeat a constant for each image: Keras returns only what depends on its input."""
    if not isinstance(value, np.ndarray):
        return value
    zero = ops.sum(image, axis=(1, 2, 3)) * 0.0
    return ops.reshape(zero, (-1, *(1,) * (value.ndim - 1))) + value


_Converter: TypeAlias = Callable[[list[Value], Operation, tuple[int, ...]], Value]

# Numbers in the schema of LiteRT.
_PADDINGS = ("same", "valid")
_NO_ACTIVATION, _RELU, _RELU_TO_1, _RELU6, _TANH = range(5)


def _activated(value: Value, operation: Operation) -> Value:
    """Apply the activation that is fused into an operation."""
    kind = operation.options.fusedActivationFunction
    if kind == _NO_ACTIVATION:
        return value
    if kind == _RELU:
        return ops.relu(value)
    if kind == _RELU6:
        return ops.relu6(value)
    if kind == _RELU_TO_1:
        return ops.clip(value, -1.0, 1.0)
    if kind == _TANH:
        return ops.tanh(value)
    raise UnsupportedOperationError(f"activation {kind} of {operation.kind}")


def _filled(layer: keras.layers.Layer, value: Value, *weights: NDArray[np.float32]) -> Value:
    """Apply a layer and set its weights."""
    result = layer(value)
    layer.set_weights(weights)
    return result


def _constant(values: list[Value], index: int) -> Any:
    """Return a constant input, or None if it is absent."""
    value = values[index] if index < len(values) else None
    if value is not None and not isinstance(value, np.ndarray):
        raise UnsupportedOperationError("weights that are computed")
    return value


def _convolution(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    options, kernel, bias = operation.options, _constant(inputs, 1), _constant(inputs, 2)
    # From (filters, H, W, channels); of a depthwise convolution, (1, H, W, filters).
    settings = {
        "strides": (options.strideH, options.strideW),
        "padding": _PADDINGS[options.padding],
        "dilation_rate": (options.dilationHFactor, options.dilationWFactor),
        "use_bias": bias is not None,
    }
    size = kernel.shape[1:3]
    if operation.kind == "CONV_2D":
        groups = inputs[0].shape[-1] // kernel.shape[-1]
        layer = layers.Conv2D(kernel.shape[0], size, groups=groups, **settings)
        kernel = kernel.transpose(1, 2, 3, 0)
    else:
        multiplier = options.depthMultiplier or kernel.shape[-1] // inputs[0].shape[-1]
        layer = layers.DepthwiseConv2D(size, depth_multiplier=multiplier, **settings)
        kernel = kernel.reshape(*size, -1, multiplier)
    weights = [kernel] if bias is None else [kernel, bias]
    return _activated(_filled(layer, inputs[0], *weights), operation)


def _fully_connected(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    kernel, bias = _constant(inputs, 1), _constant(inputs, 2)
    value = inputs[0]
    # LiteRT flattens what its weights do not fit.
    if value.shape[-1] != kernel.shape[1]:
        value = layers.Reshape((kernel.shape[1],))(value)
    layer = layers.Dense(kernel.shape[0], use_bias=bias is not None)
    weights = [kernel.T] if bias is None else [kernel.T, bias]
    return _activated(_filled(layer, value, *weights), operation)


def _pooling(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    options = operation.options
    kind = layers.MaxPooling2D if operation.kind == "MAX_POOL_2D" else layers.AveragePooling2D
    layer = kind(
        (options.filterHeight, options.filterWidth),
        strides=(options.strideH, options.strideW),
        padding=_PADDINGS[options.padding],
    )
    return _activated(layer(inputs[0]), operation)


def _arithmetic(function: Callable[[Value, Value], Value]) -> _Converter:
    def convert(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
        value = function(*inputs)
        has_activation = hasattr(operation.options, "fusedActivationFunction")
        return _activated(value, operation) if has_activation else value

    return convert


def _of_one(function: Callable[[Value], Value]) -> _Converter:
    return lambda inputs, operation, shape: function(inputs[0])


def _reduction(function: Callable[..., Value]) -> _Converter:
    def convert(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
        axes = tuple(int(axis) for axis in _constant(inputs, 1).ravel())
        return function(inputs[0], axis=axes, keepdims=operation.options.keepDims)

    return convert


def _concatenation(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    return _activated(ops.concatenate(inputs, axis=operation.options.axis), operation)


def _reshape(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    return layers.Reshape(shape[1:])(inputs[0])


def _transpose(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    return ops.transpose(inputs[0], _constant(inputs, 1).tolist())


def _padding(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    widths = _constant(inputs, 1).tolist()
    if operation.kind == "MIRROR_PAD":
        mode = ("reflect", "symmetric")[operation.options.mode]
        return ops.pad(inputs[0], widths, mode=mode)
    fill = _constant(inputs, 2)
    return ops.pad(inputs[0], widths, constant_values=0.0 if fill is None else float(fill.item()))


def _resizing(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    options, value = operation.options, inputs[0]
    factors = [side / before for side, before in zip(shape[1:3], value.shape[1:3], strict=True)]
    nearest = operation.kind == "RESIZE_NEAREST_NEIGHBOR"
    # Repeating pixels is the same by all conventions of their positions.
    if options.alignCorners or not (nearest or options.halfPixelCenters):
        raise UnsupportedOperationError(f"positions of {operation.kind}")
    if any(factor != int(factor) or factor < 1 for factor in factors):
        raise UnsupportedOperationError(f"{operation.kind} to sides that are no multiples")
    layer = layers.UpSampling2D(
        [int(factor) for factor in factors], interpolation="nearest" if nearest else "bilinear"
    )
    return layer(value)


def _depth_to_space(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    value, block = inputs[0], operation.options.blockSize
    height, width, depth = value.shape[1:]
    split = layers.Reshape((height, width, block, block, depth // block**2))(value)
    laid_out = layers.Permute((1, 3, 2, 4, 5))(split)
    return layers.Reshape((height * block, width * block, depth // block**2))(laid_out)


def _strided_slice(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    options = operation.options
    if options.ellipsisMask or options.newAxisMask:
        raise UnsupportedOperationError("STRIDED_SLICE with new axes")
    first, last, steps = (_constant(inputs, index).tolist() for index in (1, 2, 3))
    parts: list[Any] = []
    for axis, (begin, end, step) in enumerate(zip(first, last, steps, strict=True)):
        bit = 1 << axis
        if options.shrinkAxisMask & bit:
            parts.append(begin)
            continue
        parts.append(
            slice(
                None if options.beginMask & bit else begin,
                None if options.endMask & bit else end,
                step,
            )
        )
    return inputs[0][tuple(parts)]


def _softmax(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    sharpness = operation.options.beta
    return ops.softmax(inputs[0] if sharpness == 1 else inputs[0] * sharpness, axis=-1)


def _gelu(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    return ops.gelu(inputs[0], approximate=operation.options.approximate)


def _leaky_relu(inputs: list[Value], operation: Operation, shape: tuple[int, ...]) -> Value:
    return ops.leaky_relu(inputs[0], operation.options.alpha)


_CONVERTERS: dict[str, _Converter] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pooling,
    "AVERAGE_POOL_2D": _pooling,
    "ADD": _arithmetic(ops.add),
    "SUB": _arithmetic(ops.subtract),
    "MUL": _arithmetic(ops.multiply),
    "DIV": _arithmetic(ops.divide),
    "MINIMUM": _arithmetic(ops.minimum),
    "MAXIMUM": _arithmetic(ops.maximum),
    "POW": _arithmetic(ops.power),
    "SQUARED_DIFFERENCE": _arithmetic(lambda one, other: ops.square(one - other)),
    "RELU": _of_one(ops.relu),
    "RELU6": _of_one(ops.relu6),
    "LOGISTIC": _of_one(ops.sigmoid),
    "TANH": _of_one(ops.tanh),
    "ELU": _of_one(ops.elu),
    "HARD_SWISH": _of_one(ops.hard_silu),
    "EXP": _of_one(ops.exp),
    "LOG": _of_one(ops.log),
    "SQRT": _of_one(ops.sqrt),
    "RSQRT": _of_one(ops.rsqrt),
    "SQUARE": _of_one(ops.square),
    "ABS": _of_one(ops.absolute),
    "NEG": _of_one(ops.negative),
    "GELU": _gelu,
    "LEAKY_RELU": _leaky_relu,
    "SOFTMAX": _softmax,
    "MEAN": _reduction(ops.mean),
    "SUM": _reduction(ops.sum),
    "REDUCE_MAX": _reduction(ops.max),
    "CONCATENATION": _concatenation,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "TRANSPOSE": _transpose,
    "PAD": _padding,
    "PADV2": _padding,
    "MIRROR_PAD": _padding,
    "RESIZE_NEAREST_NEIGHBOR": _resizing,
    "RESIZE_BILINEAR": _resizing,
    "DEPTH_TO_SPACE": _depth_to_space,
    "STRIDED_SLICE": _strided_slice,
}
