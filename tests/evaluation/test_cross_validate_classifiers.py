"""Folds of classifiers: with a made-up trainer, and once with a real one of one epoch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.configs import Balance, ClassifierTraining, dump_config
from galpipe.errors import ConfigError, OutputError
from galpipe.evaluation import cross_validate_classifiers as module
from galpipe.evaluation import folds
from galpipe.evaluation.cross_validate_classifiers import cross_validate_classifiers
from galpipe.models import Manifest, read_bundle, write_bundle

pytestmark = pytest.mark.tensorflow

Make = Callable[..., ClassifierTraining]
Trained = list[tuple[str, int]]

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a training on twelve pictures; two of the four blue ones are called red."""
    folder = tmp_path / "images"
    folder.mkdir()
    rows = ["filename,label"]
    for number in range(4):
        for colour, rgb in COLOURS.items():
            name = f"{colour}{number}.png"
            noise = np.random.default_rng(len(rows)).integers(0, 40, (48, 48, 3))
            picture = np.clip(np.array(rgb) * 0.8 + noise, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / name), picture[:, :, ::-1])
            rows.append(f"{name},{'red' if name in {'blue0.png', 'blue1.png'} else colour}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")

    def training(name: str, **changes: Any) -> ClassifierTraining:
        content = {
            "name": name,
            "class_names": ["dark", "red", "green", "blue"],
            "data": [{"images": str(folder), "labels": str(folder / "labels.csv")}],
            "members": [{"architecture": "cnn", "weight": 1}],
        }
        return ClassifierTraining.model_validate(content | changes)

    return training


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tiny_classifier_bundle: Path) -> Trained:
    """Put a trainer in place that writes the tiny ensemble, or one member where `alone` is asked.

    Returns what it was asked to train.
    """
    asked: Trained = []
    tiny = read_bundle(tiny_classifier_bundle)

    def train(config: ClassifierTraining, place: Path, *_: object, **__: object) -> Path:
        fold = config.split.fold
        assert fold is not None
        name = config.name.partition("-fold")[0]
        asked.append((name, fold))
        if len(asked) == 3:
            raise KeyboardInterrupt
        members = tiny.manifest.members[: 1 if name == "alone" else 2]
        manifest = Manifest(
            name=config.name,
            task="classifier",
            class_names=tiny.manifest.class_names,
            input_size=tiny.manifest.input_size,
            members=members,
            training=config.model_dump(mode="json"),
        )
        files = {member.file: tiny.read(member.file) for member in members}
        return write_bundle(place / "bundle", manifest, files, "", {})

    monkeypatch.setattr(module, "open_trainer", lambda stage: train)
    monkeypatch.setattr(folds, "check_training", lambda stage, config: None)
    return asked


def test_an_interrupted_one_goes_on_and_compares(
    tmp_path: Path, make: Make, trained: Trained
) -> None:
    configs = [make("both"), make("alone")]
    with pytest.raises(KeyboardInterrupt):
        cross_validate_classifiers(configs, tmp_path / "out", folds=4)
    result = cross_validate_classifiers(configs, tmp_path / "out", folds=4)
    # The first two folds were finished; the third was interrupted, and is begun again.
    assert trained == [*(("both", k) for k in (0, 1, 2, 2, 3)), *(("alone", k) for k in range(4))]

    both, alone = result.trainings
    assert [c.name for c in both.classifiers] == ["both", "both: decided", "both: undecided"]
    assert [c.name for c in alone.classifiers] == ["alone"]
    assert sorted(path.name for part in both.images for path in part) == sorted(
        f"{colour}{number}.png" for colour in COLOURS for number in range(4)
    )
    whole, undecided = both.classifiers[0], both.classifiers[2]
    assert whole.pooled.accuracy == pytest.approx(10 / 12)
    assert undecided.values("accuracy") == [0, 0, 0, 0]
    assert np.mean(whole.values("accuracy")) == pytest.approx(10 / 12)

    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    found = {(c["first"], c["second"], c["measure"]): c for c in content["comparisons"]}
    assert len(found) == 2 * 3
    wilcoxon, t, mcnemar = found["both", "both: undecided", "accuracy"]["tests"]
    assert (wilcoxon["name"], wilcoxon["p"], wilcoxon["least_p"]) == (
        "Wilcoxon signed-rank", 0.125, 0.125
    )  # fmt: skip
    assert t["pairs"] == 4
    assert (mcnemar["pairs"], mcnemar["p"]) == (10, pytest.approx(2 / 2**10))
    assert len(found["both", "both: undecided", "macro F1"]["tests"]) == 2
    assert found["both", "alone", "accuracy"]["difference"] == 0
    summary = content["trainings"][0]["classifiers"][0]["summary"]["accuracy"]
    assert summary["mean"] == pytest.approx(10 / 12)
    assert summary["deviation"] == pytest.approx(np.std(whole.values("accuracy"), ddof=1))
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| accuracy | 0.833 ± " in report
    assert "it is at least 0.125" in report
    assert (tmp_path / "out" / "report.html").is_file()


def test_the_three_balances_are_compared_in_one_table(
    tmp_path: Path, make: Make, trained: Trained, galpipe_cli: Callable[..., Result]
) -> None:
    trained += [("", 0)] * 3
    config = tmp_path / "training.yaml"
    config.write_text(dump_config(make("alone")))
    out = tmp_path / "out"
    arguments = ("--config", config, "--balances", "--folds", 2, "-o", out)
    result = galpipe_cli("cross-validate", "classifier", *arguments)
    assert result.exit_code == 0, result.output
    names = ["alone_rebalanced", "alone_class_weights", "alone_partly_rebalanced"]
    assert trained[3:] == [(name, fold) for name in names for fold in range(2)]
    content = json.loads((out / "metrics.json").read_text())["trainings"]
    assert [training["name"] for training in content] == names
    balances = [Balance.model_validate(training["training"]["balance"]) for training in content]
    assert balances == [
        Balance(evenness=1),
        Balance(evenness=0, class_weights=True),
        Balance(evenness=0.5, class_weights=True),
    ]
    report = (out / "report.md").read_text()
    columns = " | ".join(f"{name}: recall | F1" for name in names).replace("_", r"\_")
    assert f"| class | images | {columns} |" in report
    assert "| red | 6 |" + 3 * " 0.667 | 0.800 |" in report
    assert "| mean over the classes | 12 |" + 3 * " 0.889 | 0.822 |" in report


def test_a_report_is_replaced_only_when_asked_and_folds_are_kept(
    tmp_path: Path, make: Make, trained: Trained
) -> None:
    trained += [("", 0)] * 3
    cross_validate_classifiers([make("alone")], tmp_path / "out", folds=2)
    with pytest.raises(OutputError, match="--overwrite"):
        cross_validate_classifiers([make("alone")], tmp_path / "out", folds=2)
    cross_validate_classifiers([make("alone")], tmp_path / "out", folds=2, overwrite=True)
    assert trained[3:] == [("alone", 0), ("alone", 1)]


def test_trainings_on_other_folds_are_not_compared(
    tmp_path: Path, make: Make, trained: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    trained += [("", 0)] * 3
    configs = [make("alone"), make("alone", split={"seed": 1})]
    result = cross_validate_classifiers(configs, tmp_path / "out", folds=2)
    assert [training.name for training in result.trainings] == ["alone", "alone 2"]
    assert result.comparisons == ()
    assert "held out different images" in caplog.text


def test_more_folds_than_galaxies_are_refused(tmp_path: Path, make: Make, trained: Trained) -> None:
    with pytest.raises(ConfigError, match="fewer folds"):
        cross_validate_classifiers([make("alone")], tmp_path / "out", folds=13)


def test_a_fold_of_one_class_has_no_auc_and_one_of_none_is_refused(
    tmp_path: Path, make: Make, trained: Trained
) -> None:
    trained += [("", 0)] * 3
    table = make("alone").data[0].images / "labels.csv"
    table.write_text("filename,label\nred0.png,red\nred1.png,red\n")
    result = cross_validate_classifiers([make("alone")], tmp_path / "out", folds=2)
    assert "| macro AUC | – |" in result.report().to_markdown()
    summary = result.to_json()["trainings"][0]["classifiers"][0]["summary"]
    assert (summary["macro_auc"], summary["accuracy"]["mean"]) == (None, 1)
    table.write_text("filename,label\nred0.png,red|blue\nred1.png,red|blue\n")
    with pytest.raises(ConfigError, match="one class"):
        cross_validate_classifiers([make("open")], tmp_path / "open", folds=2)


@pytest.mark.training
def test_the_command_trains_and_measures_members_of_weight_0_too(
    tmp_path: Path,
    make: Make,
    galpipe_cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = iter(np.array([[0.0, 1.0], [1.0, 0.0]]))
    monkeypatch.setattr(
        "galpipe.classification.training.train.search_weights", lambda *_: next(found)
    )
    member = {"architecture": "cnn", "filters": [4, 4], "dense": 4, "epochs": 1, "batch_size": 8}
    config = tmp_path / "training.yaml"
    settings = make(
        "tiny", members=[member, member], weights="search", input_size=32, views_per_epoch=8
    )
    config.write_text(dump_config(settings))
    result = galpipe_cli(
        "cross-validate", "classifier", "--config", config, "--folds", 2, "-o", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert "McNemar" in result.stdout
    (training,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["trainings"]
    names = [classifier["name"] for classifier in training["classifiers"]]
    assert names == ["tiny", "tiny: cnn_1", "tiny: cnn_2"]
    # Without boxes, whole cutouts of the test images are what the folds are measured on.
    assert training["external_metrics"] == []
    assert "## External metrics" not in (tmp_path / "out" / "report.md").read_text()
    for fold, place in enumerate(training["bundles"]):
        weights = [one.weight for one in read_bundle(place).manifest.members]
        assert weights == ([1, 0] if fold else [0, 1])
        (recorded,) = [
            measured["metrics"]
            for measured in read_bundle(place).metrics()["measurements"]
            if measured["images"] == "test, whole cutouts"
        ]
        for classifier, member_name in zip(
            training["classifiers"], ("ensemble", "cnn_1", "cnn_2"), strict=True
        ):
            assert classifier["folds"][fold]["confusion"] == recorded[member_name]["confusion"]
