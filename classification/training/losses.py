"""Loss and accuracy for hard, soft and partial labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ...datasets.labels import split_targets

__all__ = ["FLOOR", "AllowedSetLoss", "allowed_set_accuracy", "allowed_set_loss"]

FLOOR = 1e-7
"""Smallest probability whose logarithm is taken, as in the cross-entropies of Keras."""


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_loss(targets: Any, probabilities: Any, smoothing: float = 0.0) -> Any:
    """Compute the cross-entropy, or for partial labels the negative log-likelihood of the set.

    A partial label ("a spiral": barred, tight or loose) is the set of classes that it leaves open.
    Its loss is minus the logarithm of their total probability (maximum likelihood for partial
    labels, Jin & Ghahramani 2002), which is zero where all classes are open.  The loss of a soft
    label is the cross-entropy; probabilities that sum to less than one leave the rest unknown.  For
    a single class both are the categorical cross-entropy.

    Label smoothing takes a label for wrong with probability ``smoothing``, and then each class for
    equally probable (Szegedy et al. 2016).  Each class outside a set gets ``smoothing / C`` and the
    set the rest, which for a single class is the usual label smoothing; a set of all classes still
    has a loss of zero.

    Parameters
    ----------
    targets : tensor, shape (N, C + 1)
        Labels as `Labels.to_targets` encodes them.
    probabilities : tensor, shape (N, C)
        Softmax output.
    smoothing : float
        At least 0, less than 1.

    Returns
    -------
    tensor, shape (N,)
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
    """`allowed_set_loss` as a Keras loss, averaged over a batch.

    Parameters
    ----------
    smoothing : float
        Label smoothing.
    **settings
        Settings of `keras.losses.Loss`.
    """

    def __init__(self, smoothing: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self._smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:  # numpydoc ignore=PR01
        """Return the loss of each row."""
        return allowed_set_loss(y_true, y_pred, self._smoothing)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for serialization."""
        config: dict[str, Any] = super().get_config()
        return config | {"smoothing": self._smoothing}


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_accuracy(targets: Any, probabilities: Any) -> Any:
    """Compute 1 for each row whose most probable class is allowed by the label, else 0.

    A soft label allows its most probable class.

    Parameters
    ----------
    targets : tensor, shape (N, C + 1)
        Labels as `Labels.to_targets` encodes them.
    probabilities : tensor, shape (N, C)
        Softmax output.

    Returns
    -------
    tensor, shape (N,)
    """
    probabilities = ops.convert_to_tensor(probabilities)
    best = ops.one_hot(ops.argmax(probabilities, axis=-1), probabilities.shape[-1])
    allowed, _ = split_targets(ops.cast(targets, best.dtype))
    return ops.cast(ops.sum(allowed * best, axis=-1) >= ops.max(allowed, axis=-1), best.dtype)


def _log(probabilities: Any) -> Any:
    return ops.log(ops.clip(probabilities, FLOOR, 1.0))
