from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galpipe.errors import InputError
from galpipe.exploration.embedding_file import EmbeddingFile, EmbeddingWriter
from galpipe.exploration.features import open_features
from galpipe.exploration.pictures import Picture
from galpipe.exploration.reduction import fit_reduction, reduce_embedding


def test_components_are_those_of_scikit_learn(embedding: EmbeddingFile) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    features = np.concatenate(list(embedding.batches()))
    reduction = fit_reduction(embedding)
    theirs = decomposition.PCA(0.9).fit(features)
    points = reduce_embedding(embedding, reduction)
    assert points.shape[1] == theirs.n_components_
    # All features are of one network, scaled to the variance 1 in total.
    scale = features.var(axis=0).sum() ** 0.5
    np.testing.assert_allclose(
        np.abs(points), np.abs(theirs.transform(features)) / scale, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        reduction.shares[: points.shape[1]], theirs.explained_variance_ratio_, rtol=1e-4
    )
    assert reduction.shares.sum() == pytest.approx(1)


def test_every_network_has_the_same_weight(embedding: EmbeddingFile, tmp_path: Path) -> None:
    features = np.random.default_rng(1).normal(size=(400, 12)).astype(np.float32)
    features[:, :6] *= 100

    class Two(EmbeddingFile):
        """The same file, as if by two networks."""

        def __init__(self) -> None:
            super().__init__(embedding.path)
            self.networks = {"a": 6, "b": 6}
            self._count = 400

        def batches(self):  # type: ignore[no-untyped-def]
            yield from (features[:150], features[150:])

    reduction = fit_reduction(Two())
    # Twelve components of about the same variance, eleven of which are needed.
    assert reduction.shares.max() < 0.13
    points = reduce_embedding(Two(), reduction)
    assert points.shape == (400, 11)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_galaxies_that_do_not_differ(count: int, tmp_path: Path, feature_bundle: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "e.parquet"
    with EmbeddingWriter(path, open_features(feature_bundle)) as writer:
        pictures = [Picture(f"g{n}", "x.png", "s") for n in range(count)]
        writer.add(pictures, np.zeros(count), np.ones((count, 12), np.float32))
    with pytest.raises(InputError, match=r"e\.parquet"):
        fit_reduction(EmbeddingFile(path))


def test_groups_stay_apart(make_embedding: Callable[..., EmbeddingFile]) -> None:
    file = make_embedding(60, spread=0.05)
    points = reduce_embedding(file, fit_reduction(file)).reshape(3, 20, -1)
    centres = points.mean(axis=1, keepdims=True)
    assert np.linalg.norm(points - centres, axis=2).max() < 0.5
    assert np.linalg.norm(centres[0] - centres[1]) > 1
