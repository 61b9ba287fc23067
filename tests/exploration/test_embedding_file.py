from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.errors import InputError
from galpipe.exploration.embedding_file import EmbeddingFile, EmbeddingWriter
from galpipe.exploration.features import FeatureModel, open_features
from galpipe.exploration.pictures import Picture

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def model(feature_bundle: Path) -> FeatureModel:
    return open_features(feature_bundle)


def pictures(count: int) -> list[Picture]:
    return [
        Picture(f"g{n}", f"/d/{n}.png", "survey", n % 2 == 0, n % 3 == 0, float(n))
        for n in range(count)
    ]


def write(path: Path, model: FeatureModel, count: int) -> np.ndarray:
    features = np.random.default_rng(0).normal(size=(count, 12)).astype(np.float32)
    with EmbeddingWriter(path, model) as writer:
        for start in range(0, count, 1000):
            own = slice(start, start + 1000)
            writer.add(pictures(count)[own], np.arange(count)[own], features[own])
    return features


def test_round_trip(tmp_path: Path, model: FeatureModel) -> None:
    path = tmp_path / "e.parquet"
    features = write(path, model, 5500)
    file = EmbeddingFile(path)
    assert (len(file), file.width, file.networks) == (5500, 12, {"quadrants": 12})
    assert (file.model, file.fingerprint, file.crop) == (model.name, model.fingerprint, model.crop)
    assert file.pictures == pictures(5500)
    np.testing.assert_array_equal(file.sizes, file.brightness)
    batches = list(file.batches())
    assert max(map(len, batches)) <= 4096
    np.testing.assert_array_equal(np.concatenate(batches), features.astype(np.float16))


def test_features_have_16_bits_and_pandas_reads_them(tmp_path: Path, model: FeatureModel) -> None:
    path = tmp_path / "e.parquet"
    write(path, model, 3)
    kind = parquet.read_schema(path).field("features").type
    assert (str(kind.value_type), kind.list_size) == ("halffloat", 12)
    frame = parquet.read_table(path).to_pandas()
    assert list(frame["id"]) == ["g0", "g1", "g2"]
    assert frame["features"][0].shape == (12,)


def test_large_features_stay_finite(tmp_path: Path, model: FeatureModel) -> None:
    path = tmp_path / "e.parquet"
    with EmbeddingWriter(path, model) as writer:
        writer.add(pictures(1), np.zeros(1), np.full((1, 12), 1e6, np.float32))
    assert next(EmbeddingFile(path).batches()).max() == 65504


def test_an_embedding_is_copied(tmp_path: Path, model: FeatureModel) -> None:
    features = write(tmp_path / "a.parquet", model, 4200)
    with EmbeddingWriter(tmp_path / "b.parquet", model) as writer:
        writer.copy(EmbeddingFile(tmp_path / "a.parquet"))
        writer.add([Picture("new", "/n.png", "s")], np.zeros(1), features[:1])
    copied = EmbeddingFile(tmp_path / "b.parquet")
    assert copied.ids == [*(f"g{n}" for n in range(4200)), "new"]
    assert len(np.concatenate(list(copied.batches()))) == 4201


def test_other_files_are_refused(tmp_path: Path, model: FeatureModel) -> None:
    import pyarrow

    path = tmp_path / "e.parquet"
    with pytest.raises(InputError, match="no such file"):
        EmbeddingFile(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="galpipe embed"):
        EmbeddingFile(path)
    parquet.write_table(pyarrow.table({"features": [1.0]}), path)
    with pytest.raises(InputError, match="galpipe embed"):
        EmbeddingFile(path)


def test_a_damaged_embedding_is_named(tmp_path: Path, model: FeatureModel) -> None:
    path = tmp_path / "e.parquet"
    write(path, model, 3000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"e\.parquet"):
        list(EmbeddingFile(path).batches())
