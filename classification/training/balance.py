"""How often each image is drawn, and what each counts in the loss, where classes are unequal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...configs import Balance
from ...datasets.labels import Labels

__all__ = ["class_weights", "drawing_weights", "drawn_shares"]


def drawing_weights(labels: Labels, evenness: float = 0.5) -> NDArray[np.float64]:
    """Return how often to draw each image, in any unit, so that rare classes are raised.

    A class of ``n`` images gets a share proportional to ``n ** (1 - evenness)``: 0 leaves the
    frequencies, 1 makes all classes equally frequent.  A set of classes belongs to each of them in
    equal parts, and is drawn as their mean: were it a class of its own, the one galaxy that is
    either this or that would be drawn as often as all of a class.  A soft label counts for its
    leading class.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    evenness : float
        From 0 to 1.

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    leading = np.eye(labels.num_classes, dtype=np.float32)[labels.class_ids]
    part = np.where(labels.is_set[:, None], labels.values, leading).astype(np.float64)
    part /= part.sum(axis=1, keepdims=True)
    count = part.sum(axis=0)
    of_class = np.power(count, -evenness, out=np.zeros(len(count)), where=count > 0)
    return part @ of_class


def class_weights(labels: Labels, chance: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what each image counts in the loss, so that all classes count alike.

    A class counts N / (C x N_c), with N_c of the N drawn images whose label says anything and C
    classes that have any.  A label of several classes belongs to each of them in part: by its
    probabilities, or in equal parts to those that a set leaves open, and counts as their mean.  The
    mean over the drawn images is one.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    chance : ndarray of float64, shape (N,)
        Probability that a drawn image is this one; they sum to one.

    Returns
    -------
    ndarray of float32, shape (N,)
        1 for a label that says nothing at all.
    """
    values = labels.values
    total = values.sum(axis=1, keepdims=True, dtype=np.float64)
    part = np.divide(values, total, out=np.zeros(values.shape), where=total > 0)
    share = chance @ part
    share /= max(share.sum(), np.finfo(np.float64).tiny)
    seen = share > 0
    of_class = np.divide(1 / max(seen.sum(), 1), share, out=np.zeros(len(share)), where=seen)
    return np.where(total[:, 0] > 0, part @ of_class, 1.0).astype(np.float32)


def drawn_shares(labels: Labels, balance: Balance) -> NDArray[np.float64]:
    """Return how much each image counts in a training, shape (N,); they sum to one."""
    shares = drawing_weights(labels, balance.evenness)
    shares /= shares.sum()
    if balance.class_weights:
        shares *= class_weights(labels, shares)
    return shares / shares.sum()
