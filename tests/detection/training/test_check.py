from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_annotations
from galpipe.configs import DetectorTraining
from galpipe.detection.training.check import check_training
from galpipe.errors import ConfigError, InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((32, 32, 3), np.uint8))
    boxes = [ObjectBox(name, 4, 4, 20, 20) for name in ("galaxy", "star", "star")]
    write_annotations(
        tmp_path / "boxes.json", [AnnotatedImage("a.png", 32, 32, objects=tuple(boxes))], "coco"
    )
    return tmp_path


def _config(folder: Path, **changes: Any) -> DetectorTraining:
    settings: dict[str, Any] = {
        "data": [{"images": folder, "annotations": folder / "boxes.json"}],
        "class_names": ["galaxy", "star"],
    }
    return DetectorTraining.model_validate(settings | changes)


def test_a_valid_training_passes(folder: Path) -> None:
    check_training(_config(folder))
    check_training(_config(folder, start_from="ssd_mobilenet"))


def test_all_unknown_classes_are_named_with_the_setting(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"boxes of star \(2 boxes\).*Set class_names: \[galaxy,"):
        check_training(_config(folder, class_names=["galaxy"]))


def test_missing_annotations_are_named_by_their_key(folder: Path) -> None:
    data = [{"images": folder, "annotations": folder / "box.json"}]
    with pytest.raises(ConfigError, match=r"data\.0\.annotations: .* did you mean boxes\.json\?"):
        check_training(_config(folder, data=data))


def test_weights_that_do_not_exist_name_the_nearest_model(folder: Path) -> None:
    with pytest.raises(InputError, match=r"start_from: .* did you mean ssd_mobilenet\?"):
        check_training(_config(folder, start_from="ssd_mobilnet"))


@pytest.mark.parametrize("file", ["galpipe-model.json", "best/checkpoint", "ckpt-5.index"])
def test_bundles_trainings_and_checkpoints_are_weights(
    folder: Path, tmp_path: Path, file: str
) -> None:
    place = tmp_path / "earlier"
    (place / file).parent.mkdir(parents=True)
    (place / file).touch()
    start = place / "ckpt-5" if file.startswith("ckpt") else place
    check_training(_config(folder, start_from=str(start)))
