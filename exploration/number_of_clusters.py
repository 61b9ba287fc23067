"""Choose the number of clusters: the elbow of K-means, and the largest gap of eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_CLUSTERS", "Curve", "eigengap", "elbow", "laplacian_spectrum"]

MOST_CLUSTERS = 14
"""Largest number of clusters of the curve of K-means."""

_EIGENVALUES = 10
_DENSE = 500  # galaxies of a graph whose eigenvalues are computed without iteration


@dataclass(frozen=True, eq=False)
class Curve:
    """Values by which a number of clusters is chosen.

    Attributes
    ----------
    kind : {"elbow", "eigengap"}
        Sums of squared distances to the centres for 1, 2 ... clusters, or the smallest eigenvalues
        of the graph Laplacian, ascending.
    values : ndarray of float64
    chosen : int
        Number of clusters at the elbow, or before the largest gap.
    """

    kind: Literal["elbow", "eigengap"]
    values: NDArray[np.float64]
    chosen: int


def elbow(sums: Sequence[float]) -> Curve:
    """Find the elbow of the sums of squares for 1, 2 ... clusters.

    It is the point farthest below the line from the first to the last one (Satopaa et al. 2011,
    "Finding a 'kneedle' in a haystack", ICDCSW).

    Parameters
    ----------
    sums : sequence of float
        At least three values, descending.

    Examples
    --------
    >>> elbow([100, 50, 20, 15, 11, 8]).chosen
    3
    """
    values = np.asarray(sums, np.float64)
    line = np.linspace(values[0], values[-1], len(values))
    return Curve("elbow", values, 1 + int(np.argmax(line - values)))


def eigengap(values: NDArray[np.float64]) -> Curve:
    """Find the largest gap of the first eigenvalues of a graph Laplacian.

    As many clusters as there are eigenvalues before the gap, at least two (von Luxburg 2007,
    Statistics and Computing 17, 395, section 8.3).

    Parameters
    ----------
    values : ndarray of float64
        Eigenvalues, ascending; the first ten are used.

    Examples
    --------
    >>> eigengap(np.array([0, 0.01, 0.02, 0.3, 0.32])).chosen
    3
    """
    first = values[:_EIGENVALUES]
    return Curve("eigengap", first, 2 + int(np.argmax(np.diff(first)[1:])))


def laplacian_spectrum(
    points: NDArray[np.float32], neighbours: int, least: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest eigenvalues of the normalised Laplacian of a graph of neighbours.

    Two galaxies are joined with the weight 1 if each is among the nearest of the other, and 1/2 if
    one is.

    Parameters
    ----------
    points : ndarray of float32, shape (N, D)
        Components of the galaxies.
    neighbours : int
        Number of neighbours of each.
    least : int
        Least number of eigenvalues; there are at least ten.

    Returns
    -------
    values : ndarray of float64, shape (K,)
        Ascending.
    vectors : ndarray of float64, shape (N, K)
        An eigenvector in each column.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components
    from sklearn.neighbors import kneighbors_graph

    directed = csr_array(kneighbors_graph(points, neighbours))
    graph = csr_array((directed + directed.T) / 2)
    # An iteration finds an eigenvalue once, and that of 0 belongs to each connected part.
    _, parts = connected_components(graph, directed=False)
    count = max(_EIGENVALUES, least)
    values, columns = [], []
    for part in range(parts.max() + 1):
        own = np.flatnonzero(parts == part)
        found, vectors = _part_spectrum(graph[own][:, own], count)
        whole = np.zeros((len(points), len(found)))
        whole[own] = vectors
        values.append(found)
        columns.append(whole)
    everything = np.concatenate(values)
    order = np.argsort(everything, kind="stable")[:count]
    return everything[order], np.concatenate(columns, axis=1)[:, order]


def _part_spectrum(graph: Any, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest eigenvalues and the eigenvectors of a connected graph."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import eigsh

    root = diags_array(1 / np.sqrt(np.asarray(graph.sum(axis=1)).ravel()))
    normalised = root @ graph @ root
    if graph.shape[0] <= _DENSE:
        found, vectors = np.linalg.eigh(normalised.toarray())
    else:
        # The largest eigenvalues of the normalised graph need no factorisation, which would fill
        # the memory; those of the Laplacian are one minus them.
        start = np.random.default_rng(0).normal(size=graph.shape[0])
        found, vectors = eigsh(normalised, count, which="LA", v0=start)
    order = np.argsort(-found)[:count]
    return np.maximum(1 - found[order], 0), vectors[:, order]
