"""What a network takes and gives, and what its layers give: sizes, order, stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ...errors import InputError
from .layer_hooks import noting, passing

__all__ = ["find_stages", "follow", "input_and_classes"]

_CONVOLUTIONS = (
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
)


def input_and_classes(network: keras.Model, path: Path) -> tuple[int, int]:
    """Return the side of the pictures that a network takes and the number of its outputs.

    Raises
    ------
    InputError
        If it is no classifier of square RGB pictures of one size.
    """
    inputs, outputs = (getattr(network, which, None) or [] for which in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"{path}: has {len(inputs)} inputs and {len(outputs)} outputs of known shape; "
            "a classifier has one of each"
        )
    taken, given = tuple(inputs[0].shape[1:]), tuple(outputs[0].shape[1:])
    if len(taken) != 3 or None in taken or taken[0] != taken[1] or taken[2] != 3:
        raise InputError(
            f"{path}: takes inputs of shape {taken}; only a network that takes square RGB pictures "
            "of one size, with the channels last, can be explained"
        )
    if len(given) != 1 or given[0] is None:
        raise InputError(f"{path}: gives outputs of shape {given}, not one for each class")
    return taken[0], given[0]


def follow(
    within: Mapping[str, keras.Layer], run: Callable[[NDArray[np.float32]], Any], side: int
) -> tuple[dict[str, tuple[int, int, int]], list[str]]:
    """Return what each layer that gives pictures gives, and all layers as they are computed.

    Parameters
    ----------
    within : mapping of str to Layer
        The layers by name.
    run : callable
        Runs the network on pictures.
    side : int
        Side of the pictures in pixels.

    Returns
    -------
    shapes : dict of str to (int, int, int)
        Height, width and channels, in the order of computation.
    order : list of str
        A layer that is used several times is named as often.
    """
    heard: dict[str, Any] = {}
    order: list[str] = []
    with ExitStack() as stack:
        for name, layer in within.items():
            stack.enter_context(passing(layer, noting(heard, name, order)))
        run(np.zeros((1, side, side, 3), np.float32))
    # A layer that is used several times gives several things.
    once = [name for name in order if order.count(name) == 1]
    shapes = {name: tuple(int(n) for n in getattr(heard[name], "shape", ())) for name in once}
    pictures = {name: shape[1:] for name, shape in shapes.items() if len(shape) == 4}
    return {name: (h, w, c) for name, (h, w, c) in pictures.items() if min(h, w) > 1}, order


def find_stages(
    within: Mapping[str, keras.Layer], shapes: Mapping[str, tuple[int, int, int]]
) -> tuple[str, ...]:
    """Return the last layer of each size after a convolution of that size; none without one."""
    stages: dict[tuple[int, int], str] = {}
    for name, shape in shapes.items():
        size = shape[:2]
        last = stages.get(size)
        if isinstance(within[name], _CONVOLUTIONS) or (last is not None and shapes[last] == shape):
            # The stage that was worked on last stands last.
            stages.pop(size, None)
            stages[size] = name
    return tuple(stages.values())
