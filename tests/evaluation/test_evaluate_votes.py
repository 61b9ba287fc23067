from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.datasets.votes.vote_table import read_votes
from galpipe.datasets.votes.vote_trees import VOTE_TREES
from galpipe.errors import InputError
from galpipe.evaluation.evaluate_votes import evaluate_votes
from galpipe.models import read_bundle, write_bundle

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

TREE = VOTE_TREES["galaxy_zoo_2"]
BGR = {"100": (0, 0, 255), "200": (255, 0, 0), "300": (0, 255, 0)}


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    folder = tmp_path / "cutouts"
    folder.mkdir()
    for name, colour in BGR.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 48, 3), colour, np.uint8))
    return folder


@pytest.fixture
def solutions(tmp_path: Path) -> Path:
    """All volunteers see a round galaxy in the first image, an edge-on disc in the other two."""
    values = pd.DataFrame(0.0, index=range(3), columns=list(TREE.columns))
    values["Class6.2"] = 1
    values.loc[0, ["Class1.1", "Class7.1"]] = 1
    values.loc[1:, ["Class1.2", "Class2.1", "Class9.1"]] = 1
    values.insert(0, "GalaxyID", list(BGR))
    table = tmp_path / "training_solutions_rev1.csv"
    values.to_csv(table, index=False)
    return table


def test_votes_are_measured_and_written_as_the_challenge_wants_them(
    votes_bundle: Path,
    cutouts: Path,
    solutions: Path,
    tmp_path: Path,
    galpipe_cli: Callable[..., Result],
) -> None:
    output = tmp_path / "measured"
    arguments = ["--images", str(cutouts), "--labels", str(solutions), "-o", str(output)]
    result = galpipe_cli("evaluate", "votes", "--model", str(votes_bundle), *arguments)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(output / "votes.csv")
    assert list(table.columns) == ["GalaxyID", *TREE.columns]
    assert table["GalaxyID"].tolist() == [100, 200, 300]
    predicted = table[list(TREE.columns)].to_numpy()
    assert np.abs(TREE.sums(predicted)).max() < 1e-6
    assert predicted[0, TREE.columns.index("Class7.1")] > 0.9
    assert predicted[1, TREE.columns.index("Class9.1")] > 0.9
    assert predicted[2, TREE.columns.index("Class1.3")] > 0.9
    truth = pd.read_csv(solutions)[list(TREE.columns)].to_numpy()
    rmse = np.sqrt(((predicted - truth) ** 2).mean())
    metrics = json.loads((output / "metrics.json").read_text())["metrics"]
    assert metrics["rmse"] == pytest.approx(rmse, abs=1e-6)
    # The third image alone is wrong.
    assert metrics["majority"]["exact_match"] == pytest.approx(2 / 3)
    assert f"{rmse:.4f}" in result.output
    report = (output / "report.md").read_text()
    assert "t07\\_rounded" in report
    assert "| Class7.1 | completely round |" in report
    assert "answers of the majority:" not in report
    sheet = cv2.imread(str(output / "pictures" / "votes_t01_smooth_or_features.png"))
    assert sheet.shape[0] > 3 * 120
    # First right for "smooth" is the red galaxy, first wrong for "features or disk" the green one.
    middle = sheet.shape[1] // 2
    assert sheet[60:100, 30:100].reshape(-1, 3).mean(axis=0).argmax() == 2
    assert sheet[240:280, middle + 30 : middle + 100].reshape(-1, 3).mean(axis=0).argmax() == 1
    assert len(list((output / "pictures").iterdir())) == 11
    # What it writes can be read as votes again.
    assert len(read_votes(output / "votes.csv")) == 3


def test_predicted_majorities_are_no_fractions(
    votes_bundle: Path, cutouts: Path, solutions: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(votes_bundle)
    manifest = bundle.manifest.model_copy(update={"training": {"vote_head": "majority"}})
    files = {"votes.tflite": bundle.read("votes.tflite")}
    majority = write_bundle(tmp_path / "majority", manifest, files, "# Votes\n", {})
    evaluate_votes(majority, cutouts, solutions, tmp_path / "out")
    assert (
        "Trained on the answers of the majority: votes."
        in (tmp_path / "out" / "report.md").read_text()
    )


def test_models_of_classes_are_referred_to_the_other_command(
    tiny_classifier_bundle: Path, cutouts: Path, solutions: Path
) -> None:
    with pytest.raises(InputError, match="galpipe evaluate classifier"):
        evaluate_votes(tiny_classifier_bundle, cutouts, solutions)


def test_the_classes_that_follow_from_votes_are_measured_as_classes(
    votes_bundle: Path, cutouts: Path, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "filename,label,survey\n100,Round Smooth Galaxies,sloan\n"
        "200,Edge-on Galaxies with Bulge,sloan\n"
    )
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for image in cutouts.iterdir():
            file.write(image, f"images/{image.name}")
    result = galpipe_cli(
        "evaluate", "classifier", "--model", str(votes_bundle), "--images", str(archive),
        "--labels", str(labels),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "1.000" in result.output
    assert "sloan" in result.output
