"""Knowledge distillation: label images with a trained member."""

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
    """Replace partial labels of the extra images by the probabilities of a teacher network.

    A label that is a set of classes becomes the probabilities predicted for them, renormalized
    (Hinton, Vinyals & Dean 2015, arXiv:1503.02531).  Other labels are unchanged.

    Parameters
    ----------
    sources : Sources
        Images of the training.
    teacher : keras.Model
        Network that ends in a softmax, not trained on any validation or test image.
    input_size : int
        Side of its input in pixels.
    margin : float
        Ratio of the side of the crop to the longer side of the galaxy's box.

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
