"""Folds of classifiers that predict votes, with a made-up trainer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.configs import ClassifierTraining, dump_config
from galpipe.datasets.votes.vote_trees import VOTE_TREES
from galpipe.errors import ConfigError
from galpipe.evaluation import cross_validate_votes as module
from galpipe.evaluation import folds
from galpipe.evaluation.cross_validate_votes import cross_validate_votes
from galpipe.models import read_bundle, write_bundle

pytestmark = pytest.mark.tensorflow

TREE = VOTE_TREES["galaxy_zoo_2"]
Make = Callable[..., ClassifierTraining]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a training on six round red and six edge-on blue galaxies; two red ones are edge-on."""
    folder = tmp_path / "images"
    folder.mkdir()
    values = pd.DataFrame(0.0, index=range(12), columns=list(TREE.columns))
    values["Class6.2"] = 1
    for number in range(12):
        red = number % 2 == 0
        colour = np.array((30, 30, 220) if red else (220, 30, 30))
        noise = np.random.default_rng(number).integers(0, 30, (48, 48, 3))
        cv2.imwrite(str(folder / f"{number}.png"), (colour + noise).astype(np.uint8))
        smooth = ["Class1.1", "Class7.1"]
        edge_on = ["Class1.2", "Class2.1", "Class9.1"]
        values.loc[number, smooth if red and number > 3 else edge_on] = 1
    values.insert(0, "GalaxyID", range(12))
    values.to_csv(folder / "votes.csv", index=False)

    def training(name: str, **changes: Any) -> ClassifierTraining:
        content = {
            "name": name,
            "votes": "galaxy_zoo_2",
            "balance": {"evenness": 0},
            "data": [
                {
                    "images": str(folder),
                    "labels": str(folder / "votes.csv"),
                    "kind": "vote_fractions",
                }
            ],
            "members": [{"architecture": "cnn"}],
        }
        return ClassifierTraining.model_validate(content | changes)

    return training


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, votes_bundle: Path) -> list[tuple[str, int | None]]:
    """Put a trainer in place that writes the tiny bundle; return what it was asked to train."""
    asked: list[tuple[str, int | None]] = []
    tiny = read_bundle(votes_bundle)

    def train(config: ClassifierTraining, place: Path, *_: object, **__: object) -> Path:
        asked.append((config.name.partition("-fold")[0], config.split.fold))
        training = config.model_dump(mode="json")
        manifest = tiny.manifest.model_copy(update={"name": config.name, "training": training})
        return write_bundle(
            place / "b", manifest, {"votes.tflite": tiny.read("votes.tflite")}, "", {}
        )

    monkeypatch.setattr(module, "open_trainer", lambda stage: train)
    monkeypatch.setattr(folds, "check_training", lambda stage, config: None)
    return asked


def test_the_votes_of_every_image_are_measured_once(
    tmp_path: Path,
    make: Make,
    trained: list[tuple[str, int | None]],
    galpipe_cli: Callable[..., Result],
) -> None:
    files = []
    for name, head in (("tree", "tree"), ("sigmoid", "sigmoid")):
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(dump_config(make(name, vote_head=head)))
    out = tmp_path / "out"
    arguments = ["--config", files[0], "--config", files[1], "--folds", 3, "-o", out]
    result = galpipe_cli("cross-validate", "classifier", *arguments)
    assert result.exit_code == 0, result.output
    assert trained == [(name, fold) for name in ("tree", "sigmoid") for fold in range(3)]
    content = json.loads((out / "metrics.json").read_text())
    tree = content["trainings"][0]
    assert tree["pooled"]["images"] == 12
    assert tree["pooled"]["largest_excess"] < 1e-6
    squares = [fold["mse"] * fold["images"] for fold in tree["folds"]]
    assert tree["pooled"]["mse"] == pytest.approx(sum(squares) / 12)
    # Two of the twelve are not what their colour says.
    (classes,) = content["classes"]["trainings"][0]["classifiers"]
    assert classes["pooled"]["images"] == 12
    assert classes["pooled"]["accuracy"] == pytest.approx(10 / 12)
    (comparison,) = content["comparisons"]
    assert (comparison["measure"], comparison["difference"]) == ("RMSE", 0)
    report = (out / "report.md").read_text()
    assert f"| RMSE | {tree['summary']['rmse']['mean']:.4f} ± " in report
    largest = max(fold["largest_excess"] for fold in tree["folds"])
    # Of the folds, and of all of them together.
    assert report.count(f"| largest error of a sum | {largest:.2g} |") == 2
    assert "| largest error of a sum | 0.0000" not in report
    refused = galpipe_cli("cross-validate", "classifier", *arguments, "--balances")
    assert refused.exit_code == 2
    assert "votes have none" in refused.output


def test_the_classes_that_follow_are_compared_with_predicted_ones(
    tmp_path: Path, make: Make, trained: list[tuple[str, int | None]]
) -> None:
    votes = make("votes")
    probabilities = votes.data[0].model_copy(update={"kind": "vote_probabilities"})
    classes = votes.model_copy(update={"name": "classes", "votes": None, "data": (probabilities,)})
    result = cross_validate_votes([votes, classes], tmp_path / "out", folds=3)
    assert [name for name, _ in trained] == ["votes"] * 3 + ["classes"] * 3
    assert [one.name for one in result.trainings] == ["votes"]
    assert result.classes is not None
    # Both held out the same images in each fold, and the made-up networks are the same.
    assert [one.measure for one in result.classes.comparisons] == ["accuracy", "macro F1"]
    assert all(one.difference == 0 for one in result.classes.comparisons)
    first, second = (one.classifiers[0].pooled for one in result.classes.trainings)
    assert first.accuracy == second.accuracy == pytest.approx(10 / 12)
    report = result.report().to_markdown()
    assert report.startswith("# Cross-validation: votes, classes")
    assert "Comparison by class" in report


def test_other_campaigns_and_other_classes_are_not_compared(tmp_path: Path, make: Make) -> None:
    votes = make("votes")
    other = votes.model_copy(update={"votes": "gz_decals_5"})
    with pytest.raises(ConfigError, match="of the same campaign alone"):
        cross_validate_votes([votes, other], tmp_path / "out")
    classes = votes.model_copy(update={"votes": None, "class_names": ("red", "blue")})
    with pytest.raises(ConfigError, match="those of galaxy10_decals"):
        cross_validate_votes([votes, classes], tmp_path / "out")
