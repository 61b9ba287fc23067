"""Class imbalance: sampling weights, class weights, and prior correction after the training."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import Balance
from ...datasets.labels import Labels
from ..priors import prior_ratio

__all__ = [
    "class_frequencies",
    "class_weights",
    "correct_priors",
    "drawn_shares",
    "sampling_weights",
]


def sampling_weights(labels: Labels, evenness: float = 0.5) -> NDArray[np.float64]:
    """Compute unnormalized sampling weights of images that oversample rare classes.

    A class of ``n`` images is drawn in proportion to ``n ** (1 - evenness)``: 0 keeps the
    frequencies, 1 makes all classes equally frequent.  A set of classes counts for each of its
    classes in equal parts, and its weight is the mean of theirs; treated as a separate class, a
    single galaxy with a rare set would be drawn as often as all galaxies of a class.  A soft label
    counts for its most probable class.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    evenness : float
        From 0 to 1.

    Returns
    -------
    ndarray of float64, shape (N,)

    Examples
    --------
    >>> labels = Labels(np.float32([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1]]), np.zeros(5, bool))
    >>> sampling_weights(labels, evenness=0.5)
    array([0.5, 0.5, 0.5, 0.5, 1. ])
    """
    most_probable = np.eye(labels.num_classes, dtype=np.float32)[labels.class_ids]
    part = np.where(labels.is_set[:, None], labels.values, most_probable).astype(np.float64)
    part /= part.sum(axis=1, keepdims=True)
    count = part.sum(axis=0)
    of_class = np.power(count, -evenness, out=np.zeros(len(count)), where=count > 0)
    weights: NDArray[np.float64] = part @ of_class
    return weights


def class_weights(labels: Labels, chance: NDArray[np.float64]) -> NDArray[np.float32]:
    """Compute loss weights of images that give all classes the same total weight.

    The weight of a class is N / (C N_c), with N_c of the N drawn labelled images, and C classes
    that occur.  A label of several classes counts for each of them in part, by its probabilities
    or, for a set, equally, and its weight is the mean of theirs.  The mean over the drawn images is
    one.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    chance : ndarray of float64, shape (N,)
        Probability of drawing each image; they sum to one.

    Returns
    -------
    ndarray of float32, shape (N,)
        1 for images without label.
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
    """Compute the share of each image in a training, by sampling and class weights.

    Parameters
    ----------
    labels : Labels
        Labels of N images.
    balance : Balance
        Settings of the training.

    Returns
    -------
    ndarray of float64, shape (N,)
        They sum to one.
    """
    shares = sampling_weights(labels, balance.evenness)
    shares /= shares.sum()
    if balance.class_weights:
        shares *= class_weights(labels, shares)
    shares /= shares.sum()
    return shares


def class_frequencies(labels: Labels, weights: ArrayLike) -> NDArray[np.float64]:
    """Compute the frequencies of the classes among the images with a label of one class.

    One image is added to each class, so that no frequency is zero.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    weights : array_like, shape (N,)
        Weight of each image, unnormalized.

    Returns
    -------
    ndarray of float64, shape (C,)
        They sum to one.

    Examples
    --------
    >>> labels = Labels(np.float32([[1, 0], [1, 0], [0.4, 0.4]]), np.zeros(3, bool))
    >>> class_frequencies(labels, np.ones(3))
    array([0.75, 0.25])
    """
    single = labels.single_class
    share = np.asarray(weights, np.float64)[single]
    share *= single.sum() / max(share.sum(), np.finfo(np.float64).tiny)
    counts = 1 + np.bincount(labels.class_ids[single], share, minlength=labels.num_classes)
    return np.asarray(counts / counts.sum())


def correct_priors(model: keras.Model, labels: Labels, weights: ArrayLike) -> None:
    """Correct a network for the class frequencies of its training, in place.

    A network that saw a class twice as often as it occurs overestimates its odds by a factor of
    two; see `galpipe.classification.priors.adjust_to_priors`.  Before the softmax, the logarithm of
    the ratio of the true to the sampled frequency is added to the bias.  Classes without images are
    unchanged.

    Parameters
    ----------
    model : keras.Model
        Network whose layer ``probabilities`` is a softmax over C classes.
    labels : Labels
        Labels of N images over C classes.
    weights : array_like, shape (N,)
        Share of each image in the training, unnormalized.
    """
    values = labels.values.astype(np.float64)
    shares = values / values.sum(axis=1, keepdims=True)
    drawn = np.average(shares, axis=0, weights=np.asarray(weights, np.float64))
    ratio = prior_ratio(shares.mean(axis=0), drawn)
    layer = model.get_layer("probabilities")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + np.log(ratio)])
