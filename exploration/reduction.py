"""Principal components of features: the space in which galaxies are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .embedding_file import EmbeddingFile

__all__ = ["Reduction", "fit_reduction", "reduce_embedding"]

SHARE = 0.9
"""Share of the variance in which galaxies are clustered."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """Projection of features on their principal components.

    Attributes
    ----------
    mean : ndarray of float64, shape (F,)
        Mean of the features.
    axes : ndarray of float64, shape (F, D)
        Directions of the components, for features that are not scaled.
    shares : ndarray of float64, shape (F,)
        Share of the variance of each component, also of those that are not kept, descending.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    shares: NDArray[np.float64]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kept components of galaxies.

        Parameters
        ----------
        features : ndarray of float32, shape (N, F)

        Returns
        -------
        ndarray of float32, shape (N, D)
        """
        return np.asarray((features - self.mean) @ self.axes, np.float32)


def fit_reduction(embedding: EmbeddingFile, share: float = SHARE) -> Reduction:
    """Find the principal components that have most of the variance, in one pass over the file.

    The features of each network are scaled to the same total variance, so that none outweighs the
    others.

    Parameters
    ----------
    embedding : EmbeddingFile
    share : float
        Share of the variance that the components have together.

    Raises
    ------
    InputError
        If there are fewer than two galaxies, or all are the same.
    """
    # Covariances are sums over the galaxies, so that memory does not grow with their number.
    total, products = np.zeros(embedding.width), np.zeros((embedding.width, embedding.width))
    for batch in embedding.batches():
        features = batch.astype(np.float64)
        total += features.sum(axis=0)
        products += features.T @ features
    count = len(embedding)
    mean = total / max(count, 1)
    covariance = products / max(count, 1) - np.outer(mean, mean)
    scale = np.zeros(embedding.width)
    start = 0
    for width in embedding.networks.values():
        own = slice(start, start + width)
        variance = np.trace(covariance[own, own])
        scale[own] = variance**-0.5 if variance > 0 else 0.0
        start += width
    if count < 2:
        held = "one galaxy" if count else "no galaxy"
        raise InputError(f"{embedding.path} holds {held}, and needs two. Embed more images.")
    if not scale.any() or not np.isfinite(covariance).all():
        raise InputError(
            f"{embedding.path}: {count} galaxies whose features do not differ cannot be compared. "
            "Embed more images."
        )
    variances, vectors = np.linalg.eigh(covariance * np.outer(scale, scale))
    shares = np.maximum(variances[::-1], 0)
    shares /= shares.sum()
    kept = 1 + int(np.searchsorted(np.cumsum(shares), share))
    return Reduction(mean, scale[:, np.newaxis] * vectors[:, ::-1][:, :kept], shares)


def reduce_embedding(embedding: EmbeddingFile, reduction: Reduction) -> NDArray[np.float32]:
    """Return the kept components of all galaxies.

    Parameters
    ----------
    embedding : EmbeddingFile
    reduction : Reduction
        From `fit_reduction`.

    Returns
    -------
    ndarray of float32, shape (N, D)
    """
    return np.concatenate([reduction(batch) for batch in embedding.batches()])
