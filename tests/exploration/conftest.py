from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.exploration.embedding_file import EmbeddingFile, EmbeddingWriter
from galpipe.exploration.features import open_features
from galpipe.exploration.pictures import Picture

GROUPS = 3


@pytest.fixture(scope="session")
def make_embedding(
    feature_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., EmbeddingFile]:
    """Make an embedding of galaxies in three groups, one after another, with a picture each."""
    model = open_features(feature_bundle)

    def make(count: int = 90, *, spread: float = 0.1) -> EmbeddingFile:
        pytest.importorskip("pyarrow")
        folder = tmp_path_factory.mktemp("embedding")
        rng = np.random.default_rng(0)
        group = np.arange(count) * GROUPS // count
        centres = np.eye(GROUPS, 12, dtype=np.float32)
        features = centres[group] + rng.normal(0, spread, (count, 12)).astype(np.float32)
        for number in range(GROUPS):
            colour = np.zeros((40, 40, 3), np.uint8)
            colour[14:26, 14:26, number] = 200
            cv2.imwrite(str(folder / f"{number}.png"), colour[..., ::-1])
        pictures = [
            Picture(f"g{n}", str(folder / f"{g}.png"), f"survey{g % 2}", size=10.0 + g)
            for n, g in enumerate(group.tolist())
        ]
        path = folder / "e.parquet"
        with EmbeddingWriter(path, model) as writer:
            writer.add(pictures, rng.uniform(5, 50, count).astype(np.float32), features)
        return EmbeddingFile(path)

    return make


@pytest.fixture(scope="session")
def embedding(make_embedding: Callable[..., EmbeddingFile]) -> EmbeddingFile:
    return make_embedding()
