from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.errors import InputError
from galpipe.exploration.anomalies import rank_anomalies, read_marks, refined_scores
from galpipe.exploration.embedding_file import EmbeddingFile

pytest.importorskip("sklearn")


def test_a_galaxy_apart_is_the_most_unusual(
    make_embedding: Callable[..., EmbeddingFile],
    tmp_path: Path,
    galpipe_cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = make_embedding(90)
    original = EmbeddingFile.batches

    def with_outlier(self: EmbeddingFile):  # type: ignore[no-untyped-def]
        for batch in original(self):
            batch[7] = 3
            yield batch

    monkeypatch.setattr(EmbeddingFile, "batches", with_outlier)
    out = tmp_path / "out"
    shown = galpipe_cli("anomalies", file.path, "-o", out, "--count", 4)
    assert shown.exit_code == 0, shown.output
    table = pd.read_csv(out / "ranking.csv")
    assert table["id"][0] == "g7"
    assert table["score"][0] == 1
    assert table["score"].min() == 0
    assert table["mark"].isna().all()
    assert (out / "pictures" / "ranking.png").is_file()


def test_marks_refine_the_ranking(
    embedding: EmbeddingFile, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    first = rank_anomalies(embedding, tmp_path / "first", count=3).output / "ranking.csv"
    table = pd.read_csv(first)
    marks = {"g31": 5, "g40": 5, "g55": 5, "g2": 0, "g20": 0, "g70": 0, "g85": 1}
    table["mark"] = table["id"].map(marks)
    table.to_csv(first, index=False)
    shown = galpipe_cli("anomalies", embedding.path, "-o", tmp_path / "out", "--marks", first)
    assert shown.exit_code == 0, shown.output
    assert "refined by 7 marks" in shown.output
    refined = pd.read_csv(tmp_path / "out" / "ranking.csv").set_index("id")
    liked = refined.index.isin([f"g{n}" for n in range(30, 60)])
    assert refined["predicted_mark"].between(0, 5).all()
    assert refined["predicted_mark"][liked].min() > refined["predicted_mark"][~liked].max()
    # A mark of 5 leaves nearly the whole score, one of 0 a tenth.
    factors = refined["score"] / refined["isolation"]
    assert factors["g40"] == pytest.approx(0.95, abs=0.02)
    assert factors["g2"] == pytest.approx(0.1, abs=0.02)
    assert refined.loc["g31", "predicted_mark"] > 4
    assert refined.loc["g2", "predicted_mark"] < 1
    assert refined["mark"].notna().sum() == 7


def test_marks_that_are_all_equal_are_noted(
    embedding: EmbeddingFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    marks = tmp_path / "marks.csv"
    marks.write_text("id,mark\ng31,5\ng2,5\ng70,5\n")
    result = rank_anomalies(embedding, tmp_path / "out", marks=marks, count=3)
    table = pd.read_csv(result.output / "ranking.csv")
    np.testing.assert_allclose(table["predicted_mark"], 5)
    assert (table["score"] <= table["isolation"]).all()
    assert "All 3 marks are 5, so this mark is predicted for every galaxy" in caplog.text
    assert "All 3 marks are 5" in (result.output / "report.md").read_text()
    caplog.clear()
    marks.write_text("id,mark\ng31,5\ng2,5\ng70,4\n")
    rank_anomalies(embedding, tmp_path / "other", marks=marks, count=3)
    assert caplog.text == ""


def test_scores_far_from_marked_galaxies_stay() -> None:
    near = np.random.default_rng(0).normal(0, 0.1, (20, 2))
    points = np.concatenate([near, [[50.0, 50.0]]]).astype(np.float32)
    marks = np.full(21, np.nan)
    marks[:2] = 0
    scores = np.full(21, 0.8)
    refined, predicted = refined_scores(points, scores, marks)
    # A mark of 0 multiplies the score by a tenth; the distant galaxy keeps its own.
    np.testing.assert_allclose(refined[:2], 0.08, atol=1e-6)
    assert refined[20] == pytest.approx(0.8)
    assert (refined <= scores + 1e-9).all()
    assert ((predicted >= 0) & (predicted <= 5)).all()


def test_the_factor_of_a_mark() -> None:
    points = np.array([[0.0], [0.1], [5.0], [5.1]], np.float32)
    marks = np.array([5.0, 5.0, 0.0, 0.0])
    refined, predicted = refined_scores(points, np.ones(4), marks)
    np.testing.assert_allclose(predicted, marks, atol=0.3)
    np.testing.assert_allclose(refined, 0.1 + 0.85 * predicted / 5, atol=1e-6)


def test_marks_of_names_that_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    path = tmp_path / "ranking.csv"
    # As `to_cell` writes it.
    path.write_text("id,mark\n'=g1,4\ng2,0\ng3,\n")
    np.testing.assert_array_equal(read_marks(path, ["=g1", "g2", "g3"]), [4, 0, np.nan])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,score\ng1,3\n", "needs the columns"),
        ("id,mark\ng1,3\ng2,6\n", "the mark of 'g2' is '6'"),
        ("id,mark\ng1,3\ng2,good\n", "the mark of 'g2' is 'good'"),
        ("id,mark\ng1,3\nother,2\n", "'other' is not a galaxy"),
        ("id,mark\ng1,3\ng2,\n", "fewer than 2"),
    ],
)
def test_tables_that_are_no_marks(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(table)
    with pytest.raises(InputError, match=message):
        read_marks(path, ["g1", "g2", "g3"])
