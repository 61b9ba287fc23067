"""One loss for hard, soft and partial labels: probabilities of classes, or sets of them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ...datasets.labels import split_targets

__all__ = ["AllowedSetLoss", "allowed_set_accuracy", "allowed_set_loss"]

FLOOR = 1e-7
"""Smallest probability whose logarithm is taken; the epsilon of Keras's own cross-entropies."""


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_loss(targets: Any, probabilities: Any, smoothing: float = 0.0) -> Any:
    """Return how little the probabilities agree with the labels.

    A label that says less than one class ("a spiral": barred, tight or loose) is the set of classes
    it leaves open.  Its loss is minus the logarithm of the probability that falls on them (the
    maximum likelihood treatment of partial labels of Jin & Ghahramani 2002): zero where all classes
    are open.  The loss of a soft label is the cross-entropy with its probabilities; what these lack
    to one says nothing.  For a single class both are the categorical cross-entropy.

    Smoothing takes a label for wrong with probability ``smoothing``, and then each class for as
    likely as any (Szegedy et al. 2016).  So each class outside a set of ``k`` has ``smoothing / C``
    and the set has the rest, which for a single class is the usual label smoothing; a set of all
    classes still says nothing.

    Parameters
    ----------
    targets : tensor of shape (N, C + 1)
        Labels as `Labels.to_targets` encodes them.
    probabilities : tensor of shape (N, C)
        Softmax output.
    smoothing : float
        From 0, for none, to less than 1.

    Returns
    -------
    tensor of shape (N,)
    """
    probabilities = ops.convert_to_tensor(probabilities)
    allowed, is_set = split_targets(ops.cast(targets, probabilities.dtype))
    total = ops.sum(allowed, axis=-1)
    partial = -_log(ops.sum(allowed * probabilities, axis=-1))
    soft = -ops.sum(allowed * _log(probabilities), axis=-1)
    if smoothing:
        each = smoothing / probabilities.shape[-1]
        outside = -ops.sum((1 - allowed) * _log(probabilities), axis=-1)
        anywhere = -ops.sum(_log(probabilities), axis=-1)
        partial = (1 - smoothing + each * total) * partial + each * outside
        soft = (1 - smoothing) * soft + each * total * anywhere
    return ops.where(is_set, partial, soft)


@keras.saving.register_keras_serializable(package="galpipe")
class AllowedSetLoss(keras.losses.Loss):
    """:func:`allowed_set_loss` with its smoothing, as the mean over a batch."""

    def __init__(self, smoothing: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self._smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row."""
        return allowed_set_loss(y_true, y_pred, self._smoothing)

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal loss."""
        return super().get_config() | {"smoothing": self._smoothing}


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_accuracy(targets: Any, probabilities: Any) -> Any:
    """Return 1 for each row whose most probable class is an allowed one, else 0; shape (N,).

    Of a soft label, it is the class to which the label gives most.
    """
    probabilities = ops.convert_to_tensor(probabilities)
    best = ops.one_hot(ops.argmax(probabilities, axis=-1), probabilities.shape[-1])
    allowed, _ = split_targets(ops.cast(targets, best.dtype))
    return ops.cast(ops.sum(allowed * best, axis=-1) >= ops.max(allowed, axis=-1), best.dtype)


def _log(probabilities: Any) -> Any:
    return ops.log(ops.clip(probabilities, FLOOR, 1.0))
