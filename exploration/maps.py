"""Maps of galaxies in two dimensions, for pictures."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_positions", "map_file", "map_names"]

MOST_POINTS = 5000
"""Largest number of galaxies on a map, which takes a minute; a random part of larger ones."""


def map_names() -> tuple[str, ...]:
    """Return the maps that can be drawn: ``t-SNE``, and ``UMAP`` if umap-learn is installed."""
    return ("t-SNE", "UMAP") if find_spec("umap") is not None else ("t-SNE",)


def map_file(name: str) -> str:
    """Return the name of a map in files and columns.

    Parameters
    ----------
    name : str
        Such as ``t-SNE``.
    """
    return name.lower().replace("-", "")


def draw_positions(name: str, points: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Place galaxies on a map so that neighbours stay neighbours.

    Distances between groups, and the sizes of groups, mean nothing on such maps.

    Parameters
    ----------
    name : {"t-SNE", "UMAP"}
        t-SNE (van der Maaten & Hinton 2008, JMLR 9, 2579) or UMAP (McInnes et al. 2018).
    points : ndarray of float32, shape (N, D)
        Components of the galaxies.
    seed : int
        Seed of the random part and of the map.

    Returns
    -------
    ndarray of float32, shape (N, 2)
        NaN for galaxies that are not on the map.
    """
    rng = np.random.default_rng(seed)
    shown = np.sort(rng.permutation(len(points))[:MOST_POINTS])
    positions = np.full((len(points), 2), np.nan, np.float32)
    if name == "UMAP":
        from umap import UMAP

        positions[shown] = UMAP(random_state=seed).fit_transform(points[shown])
        return positions
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(shown) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    positions[shown] = tsne.fit_transform(points[shown])
    return positions
