"""Layers of a Keras network: list them, trace their outputs, replace or record their outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

__all__ = [
    "find_stages",
    "iterate_layers",
    "output_hook",
    "recorder",
    "trace_layers",
    "without_activation",
]

_CONVOLUTIONS = (
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
)

# Layers that are activations; all others keep theirs in the attribute `activation`.
_ACTIVATIONS = (layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax)


def iterate_layers(network: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield the layers of a network, except inputs, including those of nested networks.

    Parameters
    ----------
    network : keras.Model
    prefix : str
        Prepended to the names.

    Yields
    ------
    name : str
        Name of the layer; ``OUTER/NAME`` in a nested network.
    layer : keras.Layer
    """
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from iterate_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, layers.InputLayer):
            yield prefix + layer.name, layer


@contextmanager
def output_hook(layer: keras.Layer, function: Callable[[Any], Any]) -> Iterator[None]:
    """Replace the output of a layer by a function of it, within the ``with`` block.

    Works on all backends if the network is called directly, but not in compiled functions such as
    `keras.Model.predict`.

    Parameters
    ----------
    layer : keras.Layer
    function : callable
        Maps the output of the layer to the tensor to use instead.
    """
    call: Callable[..., Any] = layer.call
    with _replaced_call(layer, lambda *args, **kwargs: function(call(*args, **kwargs))):
        yield


def recorder(
    outputs: dict[str, Any], name: str, order: list[str] | None = None
) -> Callable[[Any], Any]:
    """Return a function for `output_hook` that stores the output and returns it unchanged.

    Parameters
    ----------
    outputs : dict
        Receives the output under `name`.
    name : str
        Name of the layer.
    order : list of str, optional
        Receives `name` at each call.
    """

    def record(output: Any) -> Any:
        outputs[name] = output
        if order is not None:
            order.append(name)
        return output

    return record


@contextmanager
def without_activation(layer: keras.Layer) -> Iterator[None]:
    """Replace the activation of a layer by the identity, within the ``with`` block.

    Parameters
    ----------
    layer : keras.Layer
        A layer with an activation, or an activation layer; others are unchanged.
    """
    if isinstance(layer, _ACTIVATIONS):
        with _replaced_call(layer, lambda inputs, *_, **__: inputs):
            yield
    elif hasattr(layer, "activation"):
        activation = layer.activation
        layer.activation = keras.activations.linear
        try:
            yield
        finally:
            layer.activation = activation
    else:
        yield


def trace_layers(
    named_layers: Mapping[str, keras.Layer],
    run: Callable[[NDArray[np.float32]], Any],
    input_size: int,
) -> tuple[dict[str, tuple[int, int, int]], list[str]]:
    """Trace the output shapes of the spatial layers, and the order of computation.

    Parameters
    ----------
    named_layers : mapping of str to Layer
        The layers by name.
    run : callable
        Runs the network on images, float32 (N, S, S, 3).
    input_size : int
        Side S of the images in pixels.

    Returns
    -------
    shapes : dict of str to (int, int, int)
        Height, width and channels of each layer whose output is a feature map, in the order of
        computation, except layers used more than once.
    order : list of str
        Layers in the order of computation, repeated for each use.
    """
    outputs: dict[str, Any] = {}
    order: list[str] = []
    with ExitStack() as stack:
        for name, layer in named_layers.items():
            stack.enter_context(output_hook(layer, recorder(outputs, name, order)))
        run(np.zeros((1, input_size, input_size, 3), np.float32))
    shapes: dict[str, tuple[int, int, int]] = {}
    for name in order:
        shape = tuple(getattr(outputs[name], "shape", ()))
        if order.count(name) == 1 and len(shape) == 4 and min(shape[1:3]) > 1:
            _, height, width, channels = shape
            shapes[name] = (int(height), int(width), int(channels))
    return shapes, order


def find_stages(
    named_layers: Mapping[str, keras.Layer], shapes: Mapping[str, tuple[int, int, int]]
) -> tuple[str, ...]:
    """Return the last layer of each resolution, from the first convolution on.

    Parameters
    ----------
    named_layers : mapping of str to Layer
        The layers by name.
    shapes : mapping of str to (int, int, int)
        Output shapes as `trace_layers` returns them.

    Returns
    -------
    tuple of str
        Names in the order of computation; empty without a convolution.
    """
    stages: dict[tuple[int, int], str] = {}
    for name, shape in shapes.items():
        size = shape[:2]
        last = stages.get(size)
        if isinstance(named_layers[name], _CONVOLUTIONS) or (
            last is not None and shapes[last] == shape
        ):
            # Removed first, so that the stages are sorted by their last layers.
            stages.pop(size, None)
            stages[size] = name
    return tuple(stages.values())


@contextmanager
def _replaced_call(layer: keras.Layer, call: Callable[..., Any]) -> Iterator[None]:
    # An instance attribute hides the method of the class.
    before = vars(layer).get("call")
    layer.call = call  # type: ignore[method-assign]  # on purpose, see above
    try:
        yield
    finally:
        if before is None:
            del layer.call
        else:
            layer.call = before  # type: ignore[method-assign]  # as above
