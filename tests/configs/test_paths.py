from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.configs import ClassifierTraining, check_paths
from galpipe.errors import ConfigError


def _training(images: Path, labels: Path) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {
            "data": [{"images": images, "labels": labels}],
            "class_names": ["a", "b"],
            "members": [{"architecture": "cnn"}],
        }
    )


def test_existing_paths_pass(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.touch()
    check_paths(_training(tmp_path, labels))


def test_every_missing_path_is_named_with_its_key_and_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    with pytest.raises(ConfigError) as error:
        check_paths(_training(tmp_path / "none" / "images", tmp_path / "lables.csv"))
    text = str(error.value)
    assert f"data.0.images: {tmp_path / 'none' / 'images'} does not exist" in text
    assert f"there is no folder {tmp_path / 'none'}" in text
    assert "data.0.labels" in text
    assert text.endswith("did you mean labels.csv?")


def test_the_command_that_makes_a_missing_file_is_named(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    with pytest.raises(ConfigError, match=r"labels\.csv does not exist; 'make it'$"):
        check_paths(_training(tmp_path, labels), {labels: "'make it'"})
