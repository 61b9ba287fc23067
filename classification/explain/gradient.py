"""Gradients, the one thing that Keras 3 leaves to its backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError

__all__ = ["gradient"]


def gradient(function: Callable[[Any], Any], place: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the gradient of a function of one tensor.

    Parameters
    ----------
    function : callable
        Takes a tensor of the backend and returns a scalar one, by ``keras.ops`` and layers alone.
    place : ndarray of float32
        Where the gradient is wanted.

    Returns
    -------
    ndarray of float32
        Of the shape of ``place``; zero where the function does not depend on it.

    Raises
    ------
    ConfigError
        If Keras runs on a backend that has no gradients.
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise ConfigError(
            f"the Keras backend '{backend}' has no gradients; set KERAS_BACKEND to "
            f"{', '.join(_GRADIENTS)}"
        )
    found = _GRADIENTS[backend](function, keras.ops.convert_to_tensor(place))
    return keras.ops.convert_to_numpy(found)


def _tensorflow(function: Callable[[Any], Any], place: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(place)
        value = function(place)
    return tape.gradient(value, place, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _jax(function: Callable[[Any], Any], place: Any) -> Any:
    import jax

    return jax.grad(function)(place)


def _torch(function: Callable[[Any], Any], place: Any) -> Any:
    import torch

    place.requires_grad_()
    (found,) = torch.autograd.grad(function(place), place, materialize_grads=True)
    return found


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
