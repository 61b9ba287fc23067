"""What Keras 3 does not read in the HDF5 files of Keras 2, put into words that it does read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["mend_keras2"]

_MODELS = ("Functional", "Model", "Sequential")


def mend_keras2(config: Any) -> None:
    """Change the description of a Keras 2 network in place, so that Keras 3 builds the same.

    - A model within a model, as where VGG16 is followed by new dense layers, has a node of its own
      in Keras 2, so that its first use counts as 1; Keras 3 looks for it at 0.
    - Keras 2 lists the inputs and outputs of a model even where there is one, and Keras 3 would
      then give a list; so it does with the axis of a batch normalisation.
    - Keras 2 repeats the shape of an input layer in the layer after it, of which Keras 3 warns.
    - Keras 2 writes ``groups`` of depthwise convolutions, always 1; Keras 3 has no such setting.

    Parameters
    ----------
    config : object
        ``model_config`` of the file, parsed; anything else is left as it is.
    """
    for model in _models(config):
        for key in ("input_layers", "output_layers"):
            listed = model.get(key)
            if isinstance(listed, list) and len(listed) == 1:
                model[key] = listed[0]
        layers = _layers(model)
        inner = [layer.get("name") for layer in layers if layer.get("class_name") in _MODELS]
        uses = [use for layer in layers for use in _uses(layer.get("inbound_nodes"))]
        for name in inner:
            own = [use for use in uses if use[0] == name]
            first = min((use[1] for use in own), default=0)
            for use in own:
                use[1] -= first
        for layer in layers:
            if layers[0].get("class_name") == "InputLayer" and layer is not layers[0]:
                layer["config"].pop("batch_input_shape", None)
            if layer.get("class_name") == "DepthwiseConv2D":
                layer["config"].pop("groups", None)
            axis = layer["config"].get("axis")
            if isinstance(axis, list) and len(axis) == 1:
                layer["config"]["axis"] = axis[0]


def _models(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the settings of the model and of each model in it."""
    left = [config]
    while left:
        item = left.pop()
        inside = item.get("config") if isinstance(item, dict) else None
        if isinstance(inside, dict) and isinstance(inside.get("layers"), list):
            yield inside
            left.extend(inside["layers"])


def _layers(model: dict[str, Any]) -> list[dict[str, Any]]:
    layers = model["layers"]
    return [x for x in layers if isinstance(x, dict) and isinstance(x.get("config"), dict)]


def _uses(nodes: Any) -> Iterator[list[Any]]:
    """Yield the ``[layer, node, tensor, ...]`` at any depth of a layer's inbound nodes."""
    left = [nodes]
    while left:
        item = left.pop()
        if not isinstance(item, list):
            continue
        if len(item) > 2 and isinstance(item[0], str) and isinstance(item[1], int):
            yield item
        else:
            left.extend(item)
