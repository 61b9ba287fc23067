from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.errors import OutputError
from galpipe.exploration import maps
from galpipe.exploration.cluster import cluster_embedding
from galpipe.exploration.embedding_file import EmbeddingFile
from galpipe.exploration.maps import draw_positions

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def report(embedding: EmbeddingFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    labels = folder / "labels.csv"
    rows = [f"g{n},{'disc' if n < 30 else 'round'}" for n in range(60)]
    labels.write_text("\n".join(["id,label", *rows]) + "\n")
    return cluster_embedding(embedding, folder / "out", labels=labels).output


def test_the_table_of_galaxies(report: Path, embedding: EmbeddingFile) -> None:
    table = pd.read_csv(report / "clusters.csv", keep_default_na=False)
    assert list(table["id"]) == embedding.ids
    assert [len(set(part)) for part in np.split(table["cluster"], 3)] == [1, 1, 1]
    assert set(table["cluster"]) == {1, 2, 3}
    assert list(table["label"]) == ["disc"] * 30 + ["round"] * 30 + [""] * 30
    assert np.isfinite(table[["tsne_x", "tsne_y", "distance"]].astype(float)).all().all()
    columns = pd.read_parquet(report / "clusters.parquet")
    np.testing.assert_array_equal(columns["cluster"], table["cluster"])


def test_the_measures(report: Path) -> None:
    found = json.loads((report / "metrics.json").read_text())
    assert (found["clusters"], found["of_no_cluster"], found["stability"]) == (3, 0, 1.0)
    assert found["silhouette"] > 0.5
    assert len(found["curve"]["values"]) == 14
    agreement = found["agreement"]
    assert (agreement["labels"]["purity"], agreement["labels"]["galaxies"]) == (1.0, 60)
    # Size and survey follow the groups, brightness is random.
    assert agreement["size"]["variance"] == pytest.approx(1)
    assert agreement["survey"]["nmi"] > 0.7
    assert agreement["brightness"]["variance"] < 0.2


def test_the_page_and_its_pictures(report: Path) -> None:
    page = (report / "report.html").read_text()
    names = ["variance", "number", "tsne", "cluster_01", "cluster_02", "cluster_03"]
    assert sorted(path.stem for path in (report / "pictures").iterdir()) == sorted(names)
    assert page.count("data:image/png") == len(names)
    assert "often follow size, brightness and survey before shape" in page
    sheet = cv2.imread(str(report / "pictures" / "cluster_01.png"))[..., ::-1]
    # Every galaxy of a cluster has the same colour.
    bright = sheet[(sheet.max(axis=2) > 150) & (np.ptp(sheet.astype(int), axis=2) > 100)]
    assert len(bright) > 1000
    assert len(set(bright.argmax(axis=1))) == 1


def test_a_report_is_replaced_if_asked(report: Path, embedding: EmbeddingFile) -> None:
    with pytest.raises(OutputError, match="--overwrite"):
        cluster_embedding(embedding, report)


@pytest.mark.parametrize(
    ("method", "repeated"), [("spectral", "5 seeds"), ("hdbscan", "5 random nine tenths")]
)
def test_from_the_command_line(
    embedding: EmbeddingFile,
    tmp_path: Path,
    galpipe_cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    repeated: str,
) -> None:
    monkeypatch.setattr(maps, "MOST_POINTS", 40)
    out = tmp_path / "out"
    shown = galpipe_cli("cluster", embedding.path, "-o", out, "--method", method)
    assert shown.exit_code == 0, shown.output
    assert "90 galaxies in 3 clusters" in shown.output
    table = pd.read_csv(out / "clusters.csv")
    assert table["tsne_x"].notna().sum() == 40
    report = (out / "report.md").read_text()
    assert "40 galaxies at random" in report
    assert f"stability: adjusted Rand index of {repeated}, at most 1" in report
    assert (out / "pictures" / "number.png").exists() is (method == "spectral")


def test_hdbscan_takes_no_number(
    embedding: EmbeddingFile, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    shown = galpipe_cli(
        "cluster", embedding.path, "-o", tmp_path / "out", "--method", "hdbscan", "--clusters", 3
    )
    assert shown.exit_code == 2
    assert "leave out --clusters" in shown.output


def test_umap_is_drawn_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Umap:
        def __init__(self, random_state: int) -> None:
            assert random_state == 5

        def fit_transform(self, points: np.ndarray) -> np.ndarray:
            return points[:, :2]

    fake = ModuleType("umap")
    fake.UMAP = Umap  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", fake)
    monkeypatch.setattr(maps, "find_spec", lambda name: name == "umap")
    assert maps.map_names() == ("t-SNE", "UMAP")
    points = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.testing.assert_array_equal(draw_positions("UMAP", points, seed=5), points[:, :2])
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    assert maps.map_names() == ("t-SNE",)


def test_a_missing_extra_is_named(embedding: EmbeddingFile, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from galpipe.pipeline.cli import cli; cli(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", code, "cluster"]
    assert subprocess.run([*command, "--help"], capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        [*command, str(embedding.path), "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'galpipe[explore]'" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "out").exists()
