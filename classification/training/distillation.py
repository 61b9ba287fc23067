"""Let one member of an ensemble label for another what people have not."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from ...datasets.labels import Labels
from .batches import as_input
from .sources import Sources

__all__ = ["taught"]

_BATCH = 64


def taught(sources: Sources, teacher: keras.Model, input_size: int, margin: float) -> Sources:
    """Return the sources with the extra images labelled by a trained network.

    A label that leaves several classes open becomes the probabilities that the network gives to
    them (knowledge distillation, Hinton, Vinyals & Dean 2015, arXiv:1503.02531).  Labels of one
    class, and soft ones, stay.

    Parameters
    ----------
    sources : Sources
        The images of a training.
    teacher : keras.Model
        Softmax network, trained on none of the images that are measured on.
    input_size : int
        Side in pixels of the crops that it takes.
    margin : float
        Side of a crop over the longer side of the galaxy's box.
    """
    if not len(sources.extra):
        return sources
    labels = sources.extra.labels
    crops = as_input(sources.extra.crops(input_size, margin))
    given = teacher.predict(crops, batch_size=_BATCH, verbose=0) * (labels.values > 0)
    given /= np.maximum(given.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    values = np.where(labels.is_set[:, None], given, labels.values).astype(np.float32)
    taught_labels = Labels(values, np.zeros(len(labels), np.bool_))
    return replace(sources, extra=replace(sources.extra, labels=taught_labels))
