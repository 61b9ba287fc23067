"""Divide galaxies into clusters by K-means, spectral clustering or HDBSCAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .number_of_clusters import MOST_CLUSTERS, Curve, eigengap, elbow, laplacian_spectrum

__all__ = ["NOISE", "Clustering", "Method", "find_clusters", "group_name"]

Method: TypeAlias = Literal["kmeans", "spectral", "hdbscan"]

NOISE = 0
"""Number of the galaxies that belong to no cluster; clusters are numbered from 1."""

REPEATS = 5
"""Number of times that galaxies are clustered, with other seeds, to measure the stability."""

_LARGEST_GRAPH = 20_000
"""Number of galaxies above which a random part of this size is clustered and the others follow
their nearest neighbours: memory and time grow faster than the number."""
_BATCHES_FROM = 50_000
"""Number of galaxies from which K-means takes random batches of them."""
_NEIGHBOURS = 10
_STARTS = 10
_SMALLEST_SHARE = 0.01
_KEPT_SHARE = 0.9

Points: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of galaxies.

    Attributes
    ----------
    numbers : ndarray of int64, shape (N,)
        Cluster of each galaxy, from 1, the largest first; `NOISE` for none.
    followers : int
        Number of galaxies that were not clustered but follow their nearest neighbours.
    curve : Curve or None
        The sums of squares or eigenvalues by which the number of clusters is chosen; None for
        HDBSCAN, which finds it.
    stability : float
        Mean adjusted Rand index of the clusters of any two of five seeds: 1 if all are the same,
        0 if they agree no more than by chance.
    """

    numbers: Numbers
    followers: int
    curve: Curve | None
    stability: float

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.numbers.max(initial=0))


def group_name(number: int) -> str:
    """Return the name of a cluster.

    Parameters
    ----------
    number : int
        Its number; `NOISE` for galaxies of no cluster.
    """
    return "no cluster" if number == NOISE else f"cluster {number}"


def find_clusters(
    points: Points, method: Method, *, clusters: int | None = None, seed: int = 0
) -> Clustering:
    """Divide galaxies into clusters.

    Parameters
    ----------
    points : ndarray of float32, shape (N, D)
        Components of the galaxies.
    method : {"kmeans", "spectral", "hdbscan"}
        K-means, by random batches from 50,000 galaxies on; spectral clustering of the graph of the
        10 nearest neighbours (Ng, Jordan & Weiss 2002, NIPS 14); HDBSCAN with clusters of at least
        1 % of the galaxies.  The last two cluster 20,000 galaxies, and assign the others by their
        10 nearest neighbours.
    clusters : int, optional
        Number of clusters; by default that of the elbow of K-means or of the largest gap of the
        eigenvalues.  HDBSCAN finds it.
    seed : int
        First seed of random starts, batches and parts.

    Raises
    ------
    InputError
        If there are too few galaxies.
    """
    least = max(clusters or 0, MOST_CLUSTERS) + 1
    if len(points) < least:
        number = f"{clusters} clusters" if clusters else "clusters"
        raise InputError(
            f"{len(points)} galaxies are too few for {number}; embed at least {least}"
            + (" or ask for fewer clusters" if least > MOST_CLUSTERS + 1 else "")
        )
    seeds = range(seed, seed + REPEATS)
    run = {"kmeans": _run_k_means, "spectral": _run_spectral, "hdbscan": _run_hdbscan}[method]
    curve, repeats = run(points, clusters, seeds)
    followers = 0 if method == "kmeans" else max(len(points) - _LARGEST_GRAPH, 0)
    return Clustering(_by_size(repeats[0]), followers, curve, _stability(repeats))


_Runs: TypeAlias = tuple[Curve | None, list[Numbers]]


def _run_k_means(points: Points, clusters: int | None, seeds: Sequence[int]) -> _Runs:
    """Return the curve, and the labels of all galaxies for each seed."""
    sums = [_k_means(points, k, seeds[0]).inertia_ for k in range(1, MOST_CLUSTERS + 1)]
    curve = elbow(sums)
    return curve, [_k_means(points, clusters or curve.chosen, seed).labels_ for seed in seeds]


def _k_means(points: Points, clusters: int, seed: int) -> Any:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if len(points) < _BATCHES_FROM:
        return KMeans(clusters, n_init=_STARTS, random_state=seed).fit(points)
    return MiniBatchKMeans(clusters, n_init=_STARTS, batch_size=4096, random_state=seed).fit(points)


def _run_spectral(points: Points, clusters: int | None, seeds: Sequence[int]) -> _Runs:
    if len(points) <= _LARGEST_GRAPH:
        # The graph has nothing random.
        spectrum = laplacian_spectrum(points, _NEIGHBOURS, clusters or 0)
        curve = eigengap(spectrum[0])
        count = clusters or curve.chosen
        return curve, [_divide(spectrum[1][:, :count], seed) for seed in seeds]
    curve = eigengap(laplacian_spectrum(points[_part(points, seeds[0])], _NEIGHBOURS)[0])
    count = clusters or curve.chosen

    def labels(part: Points, seed: int) -> Numbers:
        return _divide(laplacian_spectrum(part, _NEIGHBOURS, count)[1][:, :count], seed)

    return curve, [_cluster_part(points, labels, seed) for seed in seeds]


def _divide(vectors: NDArray[np.float64], seed: int) -> Numbers:
    """Cluster the rows of eigenvectors, scaled to unit length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = vectors / np.maximum(lengths, np.finfo(np.float64).tiny)
    labels: Numbers = _k_means(np.asarray(rows, np.float32), vectors.shape[1], seed).labels_
    return labels


def _run_hdbscan(points: Points, clusters: int | None, seeds: Sequence[int]) -> _Runs:
    first = _cluster_part(points, _hdbscan, seeds[0])
    # It has no seed: other runs are of random nine tenths of the galaxies, the rest follows.
    repeats = [first]
    for seed in seeds[1:]:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(points))[: round(_KEPT_SHARE * len(points))])
        labels = _follow_neighbours(points, chosen, _cluster_part(points[chosen], _hdbscan, seed))
        repeats.append(labels)
    return None, repeats


def _hdbscan(points: Points, seed: int) -> Numbers:
    from sklearn.cluster import HDBSCAN

    smallest = max(5, round(_SMALLEST_SHARE * len(points)))
    found = HDBSCAN(min_cluster_size=smallest, min_samples=_NEIGHBOURS, copy=True).fit(points)
    labels: Numbers = found.labels_
    return labels


def _part(points: Points, seed: int) -> Numbers:
    """Return the indices of the galaxies that are clustered."""
    if len(points) <= _LARGEST_GRAPH:
        return np.arange(len(points))
    return np.sort(np.random.default_rng(seed).permutation(len(points))[:_LARGEST_GRAPH])


def _cluster_part(points: Points, labels: Callable[[Points, int], Numbers], seed: int) -> Numbers:
    """Cluster a part of the galaxies; the others follow."""
    part = _part(points, seed)
    return _follow_neighbours(points, part, labels(points[part], seed))


def _follow_neighbours(points: Points, part: Numbers, labels: Numbers) -> Numbers:
    """Give the galaxies outside a part the most frequent label of their neighbours in it."""
    if len(part) == len(points):
        return labels
    from sklearn.neighbors import KNeighborsClassifier

    others = np.setdiff1d(np.arange(len(points)), part)
    everything = np.empty(len(points), np.int64)
    everything[part] = labels
    fitted = KNeighborsClassifier(_NEIGHBOURS).fit(points[part], labels)
    everything[others] = fitted.predict(points[others])
    return everything


def _by_size(labels: Numbers) -> Numbers:
    """Return the numbers of clusters from 1, by size; negative labels become `NOISE`."""
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    numbers = np.full(len(labels), NOISE, np.int64)
    for number, label in enumerate(found[np.argsort(-counts, kind="stable")], 1):
        numbers[labels == label] = number
    return numbers


def _stability(repeats: Sequence[Numbers]) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(np.mean([adjusted_rand_score(*pair) for pair in combinations(repeats, 2)]))
