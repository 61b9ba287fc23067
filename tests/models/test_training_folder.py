from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.classification.training.check import identify_training
from galpipe.configs import ClassifierTraining
from galpipe.errors import OutputError
from galpipe.models.training_folder import check_earlier, train_once
from galpipe.models.training_record import claim_training_folder
from galpipe.progress import Progress, silent


class Trainer:
    """Stands for a training: claims its folder, copies a bundle, and counts."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        self.trained: list[bool] = []

    def __call__(
        self,
        config: Any,
        output: Path,
        progress: Progress = silent,
        /,
        *,
        extend: bool = False,
        overwrite: bool = False,
    ) -> Path:
        self.trained.append(overwrite)
        claim_training_folder(output, config, identify_training(config), overwrite=overwrite)
        return shutil.copytree(self.bundle, output / "bundle", dirs_exist_ok=True)


def test_a_finished_training_is_used_again_for_the_same_data_alone(
    tmp_path: Path, tiny_classifier_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = ["filename,label", "0.png,ring", "1.png,disc"]
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    config = ClassifierTraining.model_validate(
        {
            "data": [{"images": tmp_path, "labels": tmp_path / "labels.csv"}],
            "class_names": ["ring", "disc"],
            "members": [{"architecture": "cnn"}],
        }
    )
    train, folder = Trainer(tiny_classifier_bundle), tmp_path / "models"

    assert check_earlier("classifier", [config], folder) == [False]
    bundle = train_once(train, config, folder)
    assert check_earlier("classifier", [config], folder) == [False]
    assert train_once(train, config, folder) == bundle
    assert train.trained == [False]

    (tmp_path / "labels.csv").write_text("\n".join(labels).replace("1.png,disc", "1.png,ring"))
    with pytest.raises(OutputError, match=r"1 images have other labels \(1/1\.png\).*--overwrite"):
        check_earlier("classifier", [config], folder)
    with caplog.at_level(logging.INFO, "galpipe"):
        assert check_earlier("classifier", [config], folder, overwrite=True) == [True]
    assert "is trained anew, since the data differ: 1 images have other labels" in caplog.text
    assert train_once(train, config, folder, replace=True) == bundle
    assert train.trained == [False, True]
    assert check_earlier("classifier", [config], folder) == [False]
