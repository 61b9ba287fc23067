from __future__ import annotations

import numpy as np
import pytest

from galpipe.errors import InputError
from galpipe.exploration import clustering, number_of_clusters
from galpipe.exploration.clustering import NOISE, Method, find_clusters
from galpipe.exploration.number_of_clusters import eigengap, elbow, laplacian_spectrum

pytest.importorskip("sklearn")

SIZES = (60, 40, 20)


def groups(spread: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = [
        rng.normal(0, spread, (size, 12)) + np.eye(12)[place] for place, size in enumerate(SIZES)
    ]
    return np.concatenate(points).astype(np.float32)


@pytest.mark.parametrize("method", ["kmeans", "spectral", "hdbscan"])
def test_groups_are_found_and_numbered_by_size(method: Method) -> None:
    found = find_clusters(groups(), method)
    assert found.count == 3
    assert found.followers == 0
    members = found.numbers != NOISE
    assert members.mean() > 0.9
    np.testing.assert_array_equal(found.numbers[members], np.repeat([1, 2, 3], SIZES)[members])
    assert found.stability > 0.9
    assert (found.curve is None) is (method == "hdbscan")


@pytest.mark.parametrize("method", ["kmeans", "spectral"])
def test_the_number_can_be_given(method: Method) -> None:
    found = find_clusters(groups(), method, clusters=5)
    assert found.count == 5
    assert np.bincount(found.numbers)[1:].tolist() == sorted(
        np.bincount(found.numbers)[1:], reverse=True
    )
    assert found.curve is not None
    assert found.curve.chosen == 3


@pytest.mark.parametrize("method", ["spectral", "hdbscan"])
def test_galaxies_beyond_the_limit_follow_their_neighbours(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clustering, "_LARGEST_GRAPH", 70)
    found = find_clusters(groups(0.05), method)
    assert found.followers == sum(SIZES) - 70
    members = found.numbers != NOISE
    assert members.mean() > 0.8
    np.testing.assert_array_equal(found.numbers[members], np.repeat([1, 2, 3], SIZES)[members])


def test_many_galaxies_are_clustered_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import cluster

    monkeypatch.setattr(clustering, "_BATCHES_FROM", 100)
    # The limit is what decides: K-means of all at once is not called.
    monkeypatch.delattr(cluster.KMeans, "fit")
    found = find_clusters(groups(), "kmeans", clusters=3)
    np.testing.assert_array_equal(found.numbers, np.repeat([1, 2, 3], SIZES))


def test_clusters_without_structure_are_not_stable() -> None:
    points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    assert find_clusters(points, "kmeans", clusters=8).stability < 0.8


def test_the_seed_decides() -> None:
    points = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    first, second = (find_clusters(points, "kmeans", clusters=6, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.numbers, second.numbers)


def test_more_clusters_than_galaxies() -> None:
    with pytest.raises(InputError, match=r"20 galaxies are too few for 30 clusters.*ask for fewer"):
        find_clusters(np.zeros((20, 2), np.float32), "kmeans", clusters=30)


def test_too_few_galaxies() -> None:
    with pytest.raises(InputError, match="at least 15"):
        find_clusters(groups()[:10], "kmeans")


@pytest.mark.parametrize("dense", [0, 500])
def test_eigenvalues_of_a_graph_in_pieces(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_of_clusters, "_DENSE", dense)
    values, vectors = laplacian_spectrum(groups(0.02), 5)
    assert values.shape == (10,)
    # As many eigenvalues of zero as pieces, whose vectors are constant on each.
    np.testing.assert_allclose(values[:3], 0, atol=1e-6)
    assert values[3] > 0.01
    assert eigengap(values).chosen == 3
    residual = vectors.T @ vectors - np.eye(10)
    np.testing.assert_allclose(residual, 0, atol=1e-5)


@pytest.mark.parametrize("true", [2, 4, 6])
def test_the_elbow_is_where_the_curve_turns(true: int) -> None:
    sums = [100 - 90 * min(k, true) / true - 0.2 * max(k - true, 0) for k in range(1, 15)]
    assert elbow(sums).chosen == true
