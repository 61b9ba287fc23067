"""Knowledge distillation: a trained member labels images for another one."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from ...datasets.labels import Labels
from .batches import as_input
from .sources import Sources

__all__ = ["label_by_teacher"]

_BATCH = 64


def label_by_teacher(
    sources: Sources, teacher: keras.Model, input_size: int, margin: float
) -> Sources:
    """Replace the sets of classes in the labels of the extra images by a network's probabilities.

    A label that leaves several classes open becomes the probabilities that the network gives to
    them, renormalized (Hinton, Vinyals & Dean 2015, arXiv:1503.02531).  Labels of one class, and
    soft labels, are kept.

    Parameters
    ----------
    sources : Sources
        The images of a training.
    teacher : keras.Model
        Network that ends in a softmax, not trained on any validation or test image.
    input_size : int
        Side of its input in pixels.
    margin : float
        Side of a crop over the longer side of the galaxy's box.

    Returns
    -------
    Sources
    """
    if not len(sources.extra):
        return sources
    labels = sources.extra.labels
    crops = as_input(sources.extra.crops(input_size, margin))
    predicted = teacher.predict(crops, batch_size=_BATCH, verbose=0) * (labels.values > 0)
    predicted /= np.maximum(predicted.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    values = np.where(labels.is_set[:, None], predicted, labels.values).astype(np.float32)
    soft = Labels(values, np.zeros(len(labels), np.bool_))
    return replace(sources, extra=replace(sources.extra, labels=soft))
