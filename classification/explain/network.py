"""Keras classifier with access to the outputs and gradients of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ...configs import InputScaling
from ...errors import ConfigError, InputError
from ..training.keras_reader import are_probabilities, input_and_output_shape
from .layer_hooks import (
    find_stages,
    iterate_layers,
    output_hook,
    recorder,
    trace_layers,
    without_activation,
)

__all__ = ["ExplainedNetwork", "gradient"]


class ExplainedNetwork:
    """Trained classifier with access to its layers.

    Layers of nested networks are named ``OUTER/NAME``.  Images are RGB in 0..1, float32, shape
    (N, S, S, 3).

    Parameters
    ----------
    network : keras.Model
        Maps images of one size to class probabilities.
    scaling : InputScaling
        Scaling of 8-bit pixels to the network's input.
    path : Path
        File of the network, for error messages.

    Attributes
    ----------
    input_size : int
        Side S of the images in pixels.
    num_classes : int
        Number of outputs C.
    shapes : dict of str to (int, int, int)
        Height, width and channels of each layer whose output is a feature map, in the order of
        computation.
    stages : tuple of str
        Last layer of each resolution, from the first convolution on: the activation, if it is a
        separate layer.

    Raises
    ------
    InputError
        If the network is not a classifier of images of one size, or has no convolution.
    """

    def __init__(self, network: keras.Model, scaling: InputScaling, path: Path) -> None:
        self._network, self._scaling, self._path = network, scaling, path
        self.input_size, self.num_classes = _input_and_classes(network, path)
        self._layers = dict(iterate_layers(network))
        self._submodels: dict[str, keras.Model] = {}
        self.shapes, self._order = trace_layers(self._layers, self._run, self.input_size)
        self.stages = find_stages(self._layers, self.shapes)
        if not self.stages:
            raise InputError(
                f"{path}: has no convolution with an output of more than one pixel; only such "
                "networks can be explained"
            )
        self._softmax = self._find_softmax()

    def layer(self, name: str) -> str | None:
        """Return the full name of a spatial layer.

        Parameters
        ----------
        name : str
            Name of the layer; the prefix of nested networks may be omitted.

        Returns
        -------
        str or None
            None if there is no such layer, or several.
        """
        found = [full for full in self.shapes if f"/{full}".endswith(f"/{name}")]
        return name if name in self.shapes else found[0] if len(found) == 1 else None

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute class probabilities.

        Parameters
        ----------
        images : ndarray of float32, shape (N, S, S, 3)
            RGB in 0..1.

        Returns
        -------
        ndarray of float32, shape (N, C)
        """
        return np.asarray(ops.convert_to_numpy(self._run(images)), np.float32)

    def outputs(
        self, images: NDArray[np.float32], names: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Compute the outputs of layers.

        Parameters
        ----------
        images : ndarray of float32, shape (N, S, S, 3)
            RGB in 0..1.
        names : sequence of str
            Names of the layers.

        Returns
        -------
        list of ndarray of float32, shape (N, H, W, channels)
            One array per layer.
        """
        recorded: dict[str, Any] = {}
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(output_hook(self._layers[name], recorder(recorded, name)))
            self._run(images)
        return [np.asarray(ops.convert_to_numpy(recorded[name]), np.float32) for name in names]

    def score_gradient(
        self, images: NDArray[np.float32], class_ids: Sequence[int], name: str
    ) -> NDArray[np.float32]:
        """Compute the gradient of the class score with respect to the output of a layer.

        The score is the logit of the class if the network ends in a softmax, else the logarithm of
        the probability.

        Parameters
        ----------
        images : ndarray of float32, shape (N, S, S, 3)
            RGB in 0..1.
        class_ids : sequence of int
            Class index for each image.
        name : str
            Name of the layer.

        Returns
        -------
        ndarray of float32, shape (N, H, W, channels)
        """
        one_hot = np.eye(self.num_classes, dtype=np.float32)[list(class_ids)]
        layer, last = self._layers[name], self._softmax

        def score(offset: Any) -> Any:
            with (
                nullcontext() if last is None else without_activation(last),
                output_hook(layer, lambda output: ops.add(output, offset)),
            ):
                scores = self._run(images)
            if last is None:
                scores = ops.log(scores + keras.config.epsilon())
            return ops.sum(ops.multiply(scores, one_hot))

        return gradient(score, np.zeros((len(images), *self.shapes[name]), np.float32))

    def channel_gradient(
        self, images: NDArray[np.float32], channels: Sequence[int], name: str
    ) -> NDArray[np.float32]:
        """Compute the gradient of the mean pre-activation of a channel with respect to the image.

        The pre-activation is used because gradients of inactive channels vanish after it.

        Parameters
        ----------
        images : ndarray of float32, shape (N, S, S, 3)
            RGB in 0..1.
        channels : sequence of int
            Channel of the layer for each image.
        name : str
            Name of the layer.

        Returns
        -------
        ndarray of float32, shape (N, S, S, 3)
        """
        one_hot = np.eye(self.shapes[name][2], dtype=np.float32)[list(channels)]
        layer, submodel = self._layers[name], self._submodel(name)

        def response(inputs: Any) -> Any:
            recorded: dict[str, Any] = {}
            with without_activation(layer), output_hook(layer, recorder(recorded, name)):
                submodel(self._scaled(inputs), training=False)
            return ops.sum(ops.multiply(ops.mean(recorded[name], axis=(1, 2)), one_hot))

        return gradient(response, images)

    def _run(self, images: Any) -> Any:
        return self._network(self._scaled(images), training=False)

    def _scaled(self, images: Any) -> Any:
        return images * np.float32(255 * self._scaling.scale) + np.float32(self._scaling.offset)

    def _submodel(self, name: str) -> keras.Model:
        """Return the network up to a layer; for layers of nested networks the whole network."""
        if "/" in name:
            return self._network
        if name not in self._submodels:
            output = self._layers[name].output
            self._submodels[name] = keras.Model(self._network.inputs[0], output)
        return self._submodels[name]

    def _find_softmax(self) -> keras.Layer | None:
        """Return the softmax layer at the end of the network, or None."""
        side = self.input_size
        images = np.random.default_rng(0).random((4, side, side, 3), np.float32)
        probabilities = self.probabilities(images)
        if not are_probabilities(probabilities):
            raise InputError(
                f"{self._path}: its outputs are not probabilities that sum to one; append a "
                "softmax and save it again"
            )
        for layer in (self._layers[name] for name in reversed(self._order)):
            softmax = getattr(layer, "activation", None) is keras.activations.softmax
            if softmax or isinstance(layer, layers.Softmax):
                with without_activation(layer):
                    logits = self.probabilities(images)
                expected = ops.convert_to_numpy(ops.softmax(logits))
                # An inner softmax, such as that of an attention, does not give the output.
                return layer if np.allclose(expected, probabilities, atol=1e-4) else None
        return None


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the gradient of a scalar function by automatic differentiation.

    Keras 3 has no backend-independent function for this.

    Parameters
    ----------
    function : callable
        Maps a tensor of the backend to a scalar tensor, using ``keras.ops`` and layers only.
    inputs : ndarray of float32
        Point at which the gradient is evaluated.

    Returns
    -------
    ndarray of float32
        Same shape as `inputs`; zero where the function does not depend on them.

    Raises
    ------
    ConfigError
        If Keras runs on a backend without gradients.
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise ConfigError(
            f"the Keras backend '{backend}' has no gradients; set KERAS_BACKEND to "
            f"{', '.join(_GRADIENTS)}"
        )
    tensor = keras.ops.convert_to_tensor(inputs)
    return np.asarray(keras.ops.convert_to_numpy(_GRADIENTS[backend](function, tensor)))


def _tensorflow_gradient(function: Callable[[Any], Any], inputs: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        value = function(inputs)
    return tape.gradient(value, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _jax_gradient(function: Callable[[Any], Any], inputs: Any) -> Any:
    import jax

    return jax.grad(function)(inputs)


def _torch_gradient(function: Callable[[Any], Any], inputs: Any) -> Any:
    import torch

    inputs.requires_grad_()
    (found,) = torch.autograd.grad(function(inputs), inputs, materialize_grads=True)
    return found


_GRADIENTS = {"tensorflow": _tensorflow_gradient, "jax": _jax_gradient, "torch": _torch_gradient}


def _input_and_classes(network: keras.Model, path: Path) -> tuple[int, int]:
    """Return the side of the input images and the number of classes; raises InputError."""
    inputs, outputs = input_and_output_shape(network, path)
    if len(inputs) != 3 or None in inputs or inputs[0] != inputs[1] or inputs[2] != 3:
        raise InputError(
            f"{path}: the input has shape {inputs}; only networks for square RGB images of a fixed "
            "size, with the channels last, can be explained"
        )
    if len(outputs) != 1 or outputs[0] is None:
        raise InputError(f"{path}: the output has shape {outputs}, not one value per class")
    return int(inputs[0] or 0), int(outputs[0])
