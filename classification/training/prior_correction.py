"""Give each class the frequency of the data again, after rare classes were drawn more often."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import ArrayLike

from ...datasets.labels import Labels

__all__ = ["restore_frequencies"]


def restore_frequencies(model: keras.Model, labels: Labels, weights: ArrayLike) -> None:
    """Shift the last biases, in place, from the frequencies drawn to those of the data.

    A network that has seen a class twice as often as it occurs takes it for twice as probable.  By
    Bayes's rule its probabilities, each times the ratio of the true to the drawn frequency and
    scaled to sum to one, are those for the true frequencies (Saerens, Latinne & Decaestecker 2002,
    Neural Computation 14, 21, equation 2.4); before the softmax the ratio is a term in the bias.

    Parameters
    ----------
    model : keras.Model
        Network whose layer ``probabilities`` is a softmax over C classes.
    labels : Labels
        Labels of the N images.
    weights : array, shape (N,)
        How often each image was drawn, in any unit.
    """
    allowed = labels.values.astype(np.float64)
    shares = allowed / allowed.sum(axis=1, keepdims=True)
    drawn = np.average(shares, axis=0, weights=np.asarray(weights, np.float64))
    true = shares.mean(axis=0)
    # A class without images was not drawn either: it stays as it is.
    ratio = np.divide(true, drawn, out=np.ones_like(true), where=drawn > 0)
    layer = model.get_layer("probabilities")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + np.log(ratio)])
