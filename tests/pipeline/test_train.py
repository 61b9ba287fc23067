"""Training from Python; the notebook of the documentation trains for real."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import galpipe
from galpipe.configs import ClassifierTraining, DetectorTraining
from galpipe.errors import ConfigError, InputError
from galpipe.models import Bundle
from galpipe.pipeline import train
from galpipe.progress import Progress, silent

DETECTOR = {"name": "mine", "data": [{"images": "images", "annotations": "boxes"}]}
CLASSIFIER = {
    "name": "kinds",
    "data": [{"images": "images", "labels": "labels.csv"}],
    "members": [{"architecture": "cnn"}],
}


@pytest.fixture
def trained(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Replace the trainings by copies of a bundle; list the stages and their configurations."""
    calls: list[tuple[str, Any]] = []

    def open_trainer(stage: str) -> Any:
        def run(config: Any, output: Path, progress: Progress = silent, /, **given: bool) -> Path:
            calls.append((stage, config))
            assert given == {"extend": False, "overwrite": True}
            return shutil.copytree(models[stage], output / "bundle")

        return run

    monkeypatch.setattr(train, "open_trainer", open_trainer)
    monkeypatch.setattr(train, "check_training", lambda stage, config: None)
    return calls


@pytest.mark.parametrize("kind", ["object", "file", "text", "mapping"])
@pytest.mark.parametrize(
    ("stage", "schema", "content"),
    [
        ("detector", DetectorTraining, DETECTOR),
        ("classifier", ClassifierTraining, CLASSIFIER),
    ],
)
def test_a_configuration_is_given_in_any_form(
    tmp_path: Path,
    trained: list[tuple[str, Any]],
    stage: str,
    schema: type[DetectorTraining | ClassifierTraining],
    content: dict[str, Any],
    kind: str,
) -> None:
    expected = schema.model_validate(content)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    given = {"object": expected, "file": file, "text": str(file), "mapping": content}[kind]
    bundle = getattr(galpipe, f"train_{stage}")(given, str(tmp_path / "out"), overwrite=True)
    assert trained == [(stage, expected)]
    assert isinstance(bundle, Bundle)
    assert bundle.path == tmp_path / "out" / "bundle"
    assert bundle.metrics()


def test_a_preset_is_given_by_name(
    tmp_path: Path, trained: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    galpipe.train_detector("configs/ssd_mobilenet.yaml", tmp_path / "out", overwrite=True)
    ((_, config),) = trained
    assert config.architecture == "ssd_mobilenet"


def test_errors_of_a_configuration_are_those_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the configuration: not .*\n +stepps: .*mean steps"):
        galpipe.train_detector({**DETECTOR, "stepps": 10}, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"no preset of that name"):
        galpipe.train_classifier("configs/no.yaml", tmp_path / "out")
    with pytest.raises((ConfigError, InputError), match="images"):
        galpipe.train_detector(DETECTOR, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bundle_is_accepted_wherever_its_path_is(
    models: dict[str, Path], good_picture: Path, tmp_path: Path
) -> None:
    bundles = {stage: galpipe.models.read_bundle(path) for stage, path in models.items()}
    by_path = galpipe.run(good_picture, tmp_path / "path", **models).catalogue
    by_bundle = galpipe.run(good_picture, tmp_path / "bundle", **bundles).catalogue
    assert list(by_bundle["class_name"]) == list(by_path["class_name"]) == ["red", "blue"]
    field_models = galpipe.FieldModels(**bundles)
    rows = galpipe.process_field(good_picture, field_models).rows
    assert len(rows["x"]) == 2
    assert galpipe.load_detector(bundles["detector"]).class_names == ("galaxy",)
    assert galpipe.load_classifier(bundles["classifier"]).input_size == 16
