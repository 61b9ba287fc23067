from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from galpipe.classification.training.check import check_training
from galpipe.configs import ClassifierTraining, load_config
from galpipe.errors import ConfigError, InputError


def _config(folder: Path, labels: str, **changes: object) -> ClassifierTraining:
    (folder / "g1.png").touch()
    (folder / "labels.csv").write_text(labels, encoding="utf-8")
    settings: dict[str, object] = {
        "data": [{"images": folder, "labels": folder / "labels.csv"}],
        "class_names": ["blob", "ring"],
        "members": [{"architecture": "cnn"}],
    }
    return ClassifierTraining.model_validate(settings | changes)


@pytest.mark.parametrize("column", ["label", "class"])
def test_a_valid_training_passes_without_decoding_an_image(tmp_path: Path, column: str) -> None:
    check_training(_config(tmp_path, f"filename,{column}\ng1.png,ring\n"))


def test_an_unknown_label_names_the_nearest_class(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: unknown label 'rings'\. Did you mean 'ring'\?"):
        check_training(_config(tmp_path, "filename,label\ng1.png,rings\n"))


def test_the_file_of_a_member_is_checked(tmp_path: Path) -> None:
    member = {"architecture": "vgg16", "initial_weights": tmp_path / "none.h5"}
    config = _config(tmp_path, "filename,label\ng1.png,ring\n", members=[member])
    with pytest.raises(ConfigError, match=r"members\.0\.initial_weights: .*none\.h5 does not"):
        check_training(config)


@pytest.mark.parametrize(
    ("preset", "command"),
    [
        ("published/pca_logistic", "'galpipe data fetch galaxy10-decals -o .*' downloads it"),
        ("published/votes_argmax_cnn", "'galpipe annotations from-votes .* --to kaggle-argmax -o"),
    ],
)
def test_a_missing_file_of_a_published_preset_gives_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str, command: str
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match=f"does not exist.*; {command}"):
        check_training(load_config(preset, ClassifierTraining))


def test_the_description_of_a_network_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "theirs.h5"
    path.touch()
    member = {"architecture": "keras_file", "path": path}
    config = _config(tmp_path, "filename,label\ng1.png,ring\n", members=[member])
    with pytest.raises(ConfigError, match=r"theirs\.h5: .* describe it in .*theirs\.yaml"):
        check_training(config)


def test_boxes_in_place_of_labels_give_the_command(tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text("{}", encoding="utf-8")
    config = _config(tmp_path, "filename,label\n", data=[{"images": tmp_path, "labels": boxes}])
    with pytest.raises(InputError, match=r"galpipe annotations convert .*boxes\.json boxes\.csv"):
        check_training(config)


def test_nothing_expensive_is_imported() -> None:
    checks = ("galpipe.classification.training.check", "galpipe.detection.training.check")
    code = (
        f"import sys, importlib; [importlib.import_module(name) for name in {checks}]; "
        "print(sorted({'keras', 'tensorflow', 'tf_keras', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
