"""Come between a layer and what follows it while a network runs; the network stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

__all__ = ["layers_within", "noting", "passing", "without_activation"]

# Other layers that apply a function to each value keep it in their `activation`.
_ACTIVATIONS = (layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax)


def layers_within(network: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield each layer that computes something, also of networks within, as ``OUTER/NAME``."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from layers_within(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, layers.InputLayer):
            yield prefix + layer.name, layer


@contextmanager
def passing(layer: keras.Layer, through: Callable[[Any], Any]) -> Iterator[None]:
    """Send what a layer gives through a function while the block lasts.

    Works on every backend, for a network that is called, not for one that was compiled before.
    """
    call = layer.call
    with _calling(layer, lambda *given, **named: through(call(*given, **named))):
        yield


def noting(
    heard: dict[str, Any], name: str, order: list[str] | None = None
) -> Callable[[Any], Any]:
    """Return a function that notes what passes, under a name, and lets it pass."""

    def note(given: Any) -> Any:
        heard[name] = given
        if order is not None:
            order.append(name)
        return given

    return note


@contextmanager
def without_activation(layer: keras.Layer) -> Iterator[None]:
    """Let a layer give what it has before its activation, while the block lasts."""
    if isinstance(layer, _ACTIVATIONS):
        with _calling(layer, lambda inputs, *_, **__: inputs):
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


@contextmanager
def _calling(layer: keras.Layer, call: Callable[..., Any]) -> Iterator[None]:
    """Let a layer do something else when it is called."""
    # Set on the layer itself, above the method of its class.
    before = vars(layer).get("call")
    layer.call = call
    try:
        yield
    finally:
        if before is None:
            del layer.call
        else:
            layer.call = before
