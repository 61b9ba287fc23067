"""Loss and accuracy for hard, soft and partial labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ...datasets.labels import split_targets

__all__ = ["FLOOR", "AllowedSetLoss", "allowed_set_accuracy", "allowed_set_loss"]

FLOOR = 1e-7
"""Lower limit of probabilities in logarithms, as in the cross-entropies of Keras."""


@keras.saving.register_keras_serializable(package="galpipe")
def allowed_set_loss(targets: Any, probabilities: Any, smoothing: float = 0.0) -> Any:
    """Compute the cross-entropy, or for partial labels the negative log-likelihood of the set.

    A partial label ("a spiral": barred, tight or loose) is the set of possible classes.  Its loss
    is the negative logarithm of their total probability (maximum likelihood for partial labels, Jin
    & Ghahramani 2002), which is zero if all classes are possible.  The loss of a soft label is the
    cross-entropy; its probabilities may sum to less than one.  For a single class both are the
    categorical cross-entropy.

    Label smoothing assumes that labels are wrong with probability ``smoothing``, and that all
    classes are then equally probable (Szegedy et al. 2016).  Each class outside a set gets
    ``smoothing / C`` and the set the rest.  For a single class this is the usual label smoothing;
    the loss of a set of all classes remains zero.

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
    """Return 1 for rows whose most probable class is allowed by the label, else 0.

    Soft labels allow their most probable class.

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
