from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import galpipe
from galpipe.configs import DetectorTraining
from galpipe.errors import MissingExtraError, OutputError
from galpipe.models import training_folder
from galpipe.pipeline import run as run_module
from galpipe.pipeline import train as train_module
from galpipe.pipeline.cli import cli
from galpipe.progress import Progress, silent


class Trainer:
    """Stands for the training of a stage: copies a finished bundle, and counts."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        self.folders: list[Path] = []
        self.interrupts = False

    def __call__(
        self, config: Any, output: Path, progress: Progress = silent, /, **_: bool
    ) -> Path:
        self.folders.append(output)
        output.mkdir(parents=True, exist_ok=True)
        (output / "checkpoint").write_text("half way")
        if self.interrupts:
            raise KeyboardInterrupt
        return shutil.copytree(self.bundle, output / "bundle", dirs_exist_ok=True)


@pytest.fixture
def trainers(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Trainer]:
    fakes = {stage: Trainer(bundle) for stage, bundle in models.items()}
    monkeypatch.setattr(run_module, "check_earlier", lambda *_, **__: [False])
    for module in (run_module, train_module, training_folder):
        monkeypatch.setattr(module, "open_trainer", fakes.__getitem__)
        monkeypatch.setattr(module, "check_training", lambda stage, config: None)
    return fakes


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "train.yaml"
    data = {"images": "images", "annotations": "boxes"}
    labels = {"images": "images", "labels": "labels.csv"}
    member = {"architecture": "cnn", "weight": 1}
    content = {
        "detector": {"train": {"name": "mine", "data": [data]}},
        "classifier": {"train": {"name": "kinds", "data": [labels], "members": [member]}},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_stages_are_trained_and_used(
    tmp_path: Path, good_picture: Path, config: Path, trainers: dict[str, Trainer]
) -> None:
    result = galpipe.run(good_picture, tmp_path / "out", config=config)
    assert set(result.catalogue["class_name"]) == {"red", "blue"}
    for stage, name in (("detector", "mine"), ("classifier", "kinds")):
        (folder,) = trainers[stage].folders
        assert folder.parent == result.output / "models"
        assert folder.name.startswith(f"{name}-")
    record = json.loads((result.output / "run.json").read_text())
    assert record["metrics"] == {"detector": {"mAP": 1.0}, "classifier": {"accuracy": 1.0}}
    assert Path(record["models"]["detector"]["path"]).is_relative_to(result.output)


def test_a_finished_training_is_used_again(
    tmp_path: Path, good_picture: Path, config: Path, trainers: dict[str, Trainer]
) -> None:
    galpipe.run(good_picture, tmp_path / "out", config=config)
    other = yaml.safe_load(config.read_text())
    other["classifier"]["train"]["name"] = "others"
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    with pytest.raises(OutputError, match=r"its classifier was trained.*--overwrite"):
        galpipe.run(good_picture, tmp_path / "out", config=tmp_path / "other.yaml")
    galpipe.run(good_picture, tmp_path / "out", config=config)
    again = galpipe.run(good_picture, tmp_path / "out", config=config, overwrite=True)
    assert [len(trainer.folders) for trainer in trainers.values()] == [1, 1]
    assert again.record.metrics["detector"] == {"mAP": 1.0}


def test_an_interrupted_training_is_gone_on_with(
    tmp_path: Path, good_picture: Path, config: Path, trainers: dict[str, Trainer]
) -> None:
    trainers["classifier"].interrupts = True
    with pytest.raises(KeyboardInterrupt):
        galpipe.run(good_picture, tmp_path / "out", config=config)
    trainers["classifier"].interrupts = False
    # Nothing of a result is there yet, so nothing has to be overwritten.
    result = galpipe.run(good_picture, tmp_path / "out", config=config)
    assert len(result.catalogue)
    assert len(trainers["detector"].folders) == 1
    first, second = trainers["classifier"].folders
    assert first == second


def test_other_settings_are_another_training(
    tmp_path: Path, good_picture: Path, config: Path, trainers: dict[str, Trainer]
) -> None:
    galpipe.run(good_picture, tmp_path / "out", config=config)
    changed = yaml.safe_load(config.read_text())
    changed["detector"]["train"]["steps"] = 7
    config.write_text(yaml.safe_dump(changed))
    galpipe.run(good_picture, tmp_path / "out", config=config, overwrite=True)
    first, second = trainers["detector"].folders
    assert first != second
    assert first.is_dir()
    assert len(trainers["classifier"].folders) == 1


def test_an_altered_bundle_is_trained_again(
    tmp_path: Path, good_picture: Path, config: Path, trainers: dict[str, Trainer]
) -> None:
    galpipe.run(good_picture, tmp_path / "out", config=config)
    (tmp_path / "out" / "models").joinpath(
        trainers["detector"].folders[0].name, "bundle", "model.tflite"
    ).write_bytes(b"altered")
    result = galpipe.run(good_picture, tmp_path / "out", config=config, overwrite=True)
    assert len(trainers["detector"].folders) == 2
    assert len(result.catalogue)


def test_a_model_that_is_given_is_not_trained(
    tmp_path: Path,
    good_picture: Path,
    config: Path,
    trainers: dict[str, Trainer],
    models: dict[str, Path],
) -> None:
    result = galpipe.run(good_picture, tmp_path / "out", config=config, **models)
    assert not any(trainer.folders for trainer in trainers.values())
    assert not result.record.metrics


def test_the_missing_extra_is_named(
    tmp_path: Path, good_picture: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "check_training", lambda stage, config: None)
    monkeypatch.setitem(sys.modules, "official", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[train\]"):
        galpipe.run(good_picture, tmp_path / "out", config=config)


def test_train_once_names_the_folder_after_the_settings(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    trainer = Trainer(models["detector"])
    data = [{"images": "a", "annotations": "b"}]
    settings = [DetectorTraining.model_validate({"data": data, "seed": seed}) for seed in (0, 1, 0)]
    bundles = [training_folder.train_once(trainer, one, tmp_path) for one in settings]
    assert bundles[0] == bundles[2] != bundles[1]
    assert len(trainer.folders) == 2


def test_the_command_trains(tmp_path: Path, config: Path, trainers: dict[str, Trainer]) -> None:
    content = yaml.safe_load(config.read_text())
    for stage in ("detector", "classifier"):
        path = tmp_path / f"{stage}.yaml"
        path.write_text(yaml.safe_dump(content[stage]["train"]))
        arguments = ["train", stage, "--config", str(path), "-o", str(tmp_path / stage)]
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
        assert str(tmp_path / stage / "bundle") in result.output
        assert trainers[stage].folders == [tmp_path / stage]
    assert (
        "mAP"
        in CliRunner().invoke(cli, ["models", "show", str(tmp_path / "detector" / "bundle")]).output
    )


def test_the_command_names_what_is_wrong_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("steps: many\n")
    result = CliRunner().invoke(cli, ["train", "detector", "--config", str(path), "-o", "x"])
    assert result.exit_code == 2
    assert "steps" in result.stderr
    assert "data" in result.stderr
