"""A Keras classifier whose layers can be looked into: what they give, and what moves them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ...configs import InputScaling
from ...errors import InputError
from .gradient import gradient
from .layer_graph import find_stages, follow, input_and_classes
from .layer_hooks import layers_within, noting, passing, without_activation

__all__ = ["ExplainedNetwork"]


class ExplainedNetwork:
    """A trained network of one input and one output, and what happens inside it.

    Layers of networks within it are called ``OUTER/NAME``.  Everywhere pictures are RGB in 0..1,
    float32, shape (N, S, S, 3).

    Parameters
    ----------
    network : keras.Model
        Takes pictures of one size, gives class probabilities.
    scaling : InputScaling
        How 8-bit pixels become its input.
    path : Path
        Its file, named in messages.

    Attributes
    ----------
    input_size : int
        Side of the pictures in pixels.
    num_classes : int
        Number of outputs.
    shapes : dict of str to (int, int, int)
        Height, width and channels of what each layer gives that gives pictures, in the order in
        which they are computed.
    stages : tuple of str
        The last layer of each size after a convolution of that size: its activations, where
        normalisation and activation are layers of their own.

    Raises
    ------
    InputError
        If the network is no classifier of pictures of one size, or has no convolution.
    """

    def __init__(self, network: keras.Model, scaling: InputScaling, path: Path) -> None:
        self._network, self._scaling, self._path = network, scaling, path
        self.input_size, self.num_classes = input_and_classes(network, path)
        self._layers = dict(layers_within(network))
        self._lower: dict[str, keras.Model] = {}
        self.shapes, self._order = follow(self._layers, self._run, self.input_size)
        self.stages = find_stages(self._layers, self.shapes)
        if not self.stages:
            raise InputError(
                f"{path}: has no convolution that gives more than one pixel; only such networks "
                "can be explained"
            )
        self._softmax = self._find_softmax()

    def layer(self, name: str) -> str | None:
        """Return the full name of a layer that gives pictures; None if there is none of it.

        The name may be given without those of the networks around it.
        """
        found = [full for full in self.shapes if f"/{full}".endswith(f"/{name}")]
        return name if name in self.shapes else found[0] if len(found) == 1 else None

    def probabilities(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the class probabilities, shape (N, C)."""
        return ops.convert_to_numpy(self._run(pictures))

    def outputs(
        self, pictures: NDArray[np.float32], names: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Return what layers give: for each an array of shape (N, H, W, channels)."""
        heard: dict[str, Any] = {}
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(passing(self._layers[name], noting(heard, name)))
            self._run(pictures)
        return [ops.convert_to_numpy(heard[name]).astype(np.float32) for name in names]

    def score_gradient(
        self, pictures: NDArray[np.float32], class_ids: Sequence[int], name: str
    ) -> NDArray[np.float32]:
        """Return how the score of a class changes with what a layer gives.

        The score is what the class has before the softmax, where the network ends in one, or else
        the logarithm of its probability.

        Parameters
        ----------
        pictures : ndarray
            N pictures.
        class_ids : sequence of int
            The class of each.
        name : str
            The layer.

        Returns
        -------
        ndarray of float32, shape (N, H, W, channels)
        """
        chosen = np.eye(self.num_classes, dtype=np.float32)[list(class_ids)]

        def score(push: Any) -> Any:
            with self._scoring(), passing(self._layers[name], lambda given: ops.add(given, push)):
                scores = self._run(pictures)
            if self._softmax is None:
                scores = ops.log(scores + keras.config.epsilon())
            return ops.sum(ops.multiply(scores, chosen))

        return gradient(score, np.zeros((len(pictures), *self.shapes[name]), np.float32))

    def channel_gradient(
        self, pictures: NDArray[np.float32], channels: Sequence[int], name: str
    ) -> NDArray[np.float32]:
        """Return how the mean response of one channel a picture changes with the picture.

        The response is that before the layer's activation, so that a silent channel, too, says
        what would wake it.

        Parameters
        ----------
        pictures : ndarray
            N pictures.
        channels : sequence of int
            The channel of `name` for each.
        name : str
            The layer.

        Returns
        -------
        ndarray of float32, shape (N, S, S, 3)
        """
        chosen = np.eye(self.shapes[name][2], dtype=np.float32)[list(channels)]
        layer = self._layers[name]

        lower = self._up_to(name)

        def response(changed: Any) -> Any:
            heard: dict[str, Any] = {}
            with without_activation(layer), passing(layer, noting(heard, name)):
                lower(self._scaled(changed), training=False)
            return ops.sum(ops.multiply(ops.mean(heard[name], axis=(1, 2)), chosen))

        return gradient(response, pictures)

    def _run(self, pictures: Any) -> Any:
        return self._network(self._scaled(pictures), training=False)

    def _scaled(self, pictures: Any) -> Any:
        return pictures * np.float32(255 * self._scaling.scale) + np.float32(self._scaling.offset)

    def _up_to(self, name: str) -> keras.Model:
        """Return a network that computes what a layer gives, with no more after it than needed."""
        if "/" in name:
            return self._network
        if name not in self._lower:
            output = self._layers[name].output
            self._lower[name] = keras.Model(self._network.inputs[0], output)
        return self._lower[name]

    def _scoring(self) -> Any:
        return nullcontext() if self._softmax is None else without_activation(self._softmax)

    def _find_softmax(self) -> keras.Layer | None:
        """Return the layer that ends in the softmax which makes the probabilities."""
        side = self.input_size
        pictures = np.random.default_rng(0).random((4, side, side, 3), np.float32)
        given = self.probabilities(pictures)
        if given.min() < -1e-3 or not np.allclose(given.sum(axis=1), 1, atol=1e-2):
            raise InputError(
                f"{self._path}: its outputs are no probabilities that sum to one; append a softmax "
                "and save it again"
            )
        for layer in (self._layers[name] for name in reversed(self._order)):
            softmax = getattr(layer, "activation", None) is keras.activations.softmax
            if softmax or isinstance(layer, layers.Softmax):
                with without_activation(layer):
                    scores = self.probabilities(pictures)
                again = ops.convert_to_numpy(ops.softmax(scores))
                # It may serve something else within the network.
                return layer if np.allclose(again, given, atol=1e-4) else None
        return None
