"""The loss over sets of allowed classes, which serves hard and partial labels alike."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["allowed_set_accuracy", "allowed_set_loss"]

FLOOR = 1e-7
"""Smallest probability whose logarithm is taken; the epsilon of Keras's own cross-entropies."""


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_loss(allowed: Any, probabilities: Any) -> Any:
    """Return minus the logarithm of the probability that falls on the allowed classes.

    A label that says less than one class ("a spiral": barred, tight or loose) is the set of classes
    it leaves open.  The likelihood of such a label is the sum of their probabilities (the maximum
    likelihood treatment of partial labels of Jin & Ghahramani 2002).  With one allowed class the
    loss is the categorical cross-entropy; with all classes allowed it is zero.

    Parameters
    ----------
    allowed : tensor of shape (N, C)
        1 where the class is allowed, 0 elsewhere.
    probabilities : tensor of shape (N, C)
        Softmax output.

    Returns
    -------
    tensor of shape (N,)
    """
    probabilities = ops.convert_to_tensor(probabilities)
    allowed = ops.cast(allowed, probabilities.dtype)
    return -ops.log(ops.clip(ops.sum(allowed * probabilities, axis=-1), FLOOR, 1.0))


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_accuracy(allowed: Any, probabilities: Any) -> Any:
    """Return 1 for each row whose most probable class is an allowed one, else 0; shape (N,)."""
    probabilities = ops.convert_to_tensor(probabilities)
    best = ops.one_hot(ops.argmax(probabilities, axis=-1), probabilities.shape[-1])
    return ops.sum(ops.cast(allowed, best.dtype) * best, axis=-1)
