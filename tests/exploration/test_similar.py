from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.errors import InputError
from galpipe.exploration.embedding_file import EmbeddingFile
from galpipe.exploration.similar import find_similar
from galpipe.models import read_bundle, write_bundle
from galpipe.pipeline.embed import embed

pytest.importorskip("pyarrow")


def test_the_group_of_a_galaxy_comes_first(
    embedding: EmbeddingFile, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    out = tmp_path / "out"
    shown = galpipe_cli("similar", embedding.path, "--to", "g40", "-o", out, "--count", 5)
    assert shown.exit_code == 0, shown.output
    table = pd.read_csv(out / "ranking.csv")
    assert list(table["rank"]) == list(range(1, 90))
    assert set(table["id"][:29]) == {f"g{n}" for n in range(30, 60)} - {"g40"}
    assert table["similarity"].is_monotonic_decreasing
    assert table["similarity"].between(-1.001, 1.001).all()
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["first"] == list(table["id"][:5])
    assert (out / "pictures" / "ranking.png").is_file()
    assert len(pd.read_parquet(out / "ranking.parquet")) == 89


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Cutouts of eight hues around the circle."""
    folder = tmp_path / "colours"
    folder.mkdir()
    for number in range(8):
        picture = np.full((40, 40, 3), 5, np.uint8)
        angles = 2 * np.pi * (number / 8 + np.arange(3) / 3)
        picture[14:26, 14:26] = 130 + 90 * np.cos(angles)
        cv2.imwrite(str(folder / f"c{number}.png"), picture)
    return folder


def test_an_image_that_is_not_in_the_embedding(
    tmp_path: Path, colours: Path, feature_bundle: Path
) -> None:
    new = tmp_path / "new.png"
    (colours / "c5.png").rename(new)
    embed(colours, tmp_path / "e.parquet", model=feature_bundle)
    found = find_similar(tmp_path / "e.parquet", str(new), tmp_path / "out")
    assert len(found.order) == 7
    ids = [EmbeddingFile(tmp_path / "e.parquet").ids[index] for index in found.order]
    assert set(ids[:2]) == {"c4", "c6"}
    assert ids[-1] == "c1"
    # The file of a galaxy of the embedding is as good as its identifier.
    same = find_similar(tmp_path / "e.parquet", str(colours / "c4.png"), tmp_path / "same")
    np.testing.assert_array_equal(
        same.order, find_similar(tmp_path / "e.parquet", "c4", tmp_path / "by_id").order
    )


def test_neither_galaxy_nor_image(embedding: EmbeddingFile, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for example g0, g1, g2"):
        find_similar(embedding, "g1000", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_was_changed(tmp_path: Path, colours: Path, feature_bundle: Path) -> None:
    bundle = read_bundle(feature_bundle)
    files = {member.file: bundle.read(member.file) for member in bundle.manifest.members}
    model = tmp_path / "model"
    write_bundle(model, bundle.manifest, files, "", {})
    new = tmp_path / "new.png"
    (colours / "c5.png").rename(new)
    embed(colours, tmp_path / "e.parquet", model=model)
    changed = bundle.manifest.model_copy(update={"crop_margin": 3.0})
    write_bundle(model, changed, files, "", {})
    with pytest.raises(InputError, match="was changed"):
        find_similar(tmp_path / "e.parquet", str(new), tmp_path / "out")
