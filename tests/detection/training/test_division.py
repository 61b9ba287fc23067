"""Given training, validation and test images of a detector, alone and beside an automatic split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from galpipe.configs import DetectorData, DetectorTraining, dump_config, load_config
from galpipe.detection.measure import images_by_kind
from galpipe.detection.training.dataset import TrainingSource, read_sources
from galpipe.detection.training.training_tiles import TrainingImage

Labelled = Callable[..., TrainingImage]
Save = Callable[..., tuple[Path, Path]]


@pytest.fixture
def divided(labelled: Labelled, save_source: Save) -> dict[str, dict[str, Any]]:
    """Three sources, as a published data set gives them; t0 is a near-duplicate of g0."""
    rng = np.random.default_rng(1)

    def images(prefix: str, count: int) -> list[TrainingImage]:
        made = [labelled(f"{prefix}{i}", 64, 64, (32, 32, 14.0)) for i in range(count)]
        # No two alike, or they would be taken for one galaxy.
        patterns = rng.integers(0, 120, (count, 16, 16, 1), dtype=np.uint8)
        return [
            replace(image, rgb=np.maximum(image.rgb, cv2.resize(pattern, (64, 64))[..., None]))
            for image, pattern in zip(made, patterns, strict=True)
        ]

    train, validation, test = images("g", 10), images("v", 3), images("t", 4)
    brighter = np.clip(train[0].rgb.astype(int) + 4, 0, 255).astype(np.uint8)
    test[0] = replace(train[0], name="t0", rgb=brighter)
    sources = {"train": train, "validation": validation, "test": test}
    return {
        role: dict(
            zip(("images", "annotations"), save_source(role, listed), strict=True), role=role
        )
        for role, listed in sources.items()
    }


def _read(divided: dict[str, dict[str, Any]], *roles: str, **settings: Any) -> list[TrainingSource]:
    data = [divided[role] for role in roles]
    return read_sources(DetectorTraining.model_validate({"data": data, **settings}))


def _counts(source: TrainingSource) -> tuple[int, int, int]:
    return len(source.train), len(source.validation), len(source.test)


def test_given_parts_are_what_is_validated_and_tested_on(
    divided: dict[str, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    sources = _read(divided, "train", "validation", "test")
    assert [_counts(source) for source in sources] == [(10, 0, 0), (0, 3, 0), (0, 0, 4)]
    for part, names in (("validation", "v0 v1 v2"), ("test", "t0 t1 t2 t3")):
        (images,) = images_by_kind(sources, part).values()
        assert [Path(image.name).stem for image in images] == names.split()
    # The near-duplicate is said, and stays where it is given.
    assert "1 of 4 images of role test" in sources[2].note
    assert "t0.png: g0.png" in caplog.text


def test_what_is_not_given_is_split_off_the_training_images(
    divided: dict[str, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    train, test = _read(divided, "train", "test")
    assert _counts(train) == (8, 1, 0)
    assert _counts(test) == (0, 0, 4)
    assert "g0.png" not in (image.name for image in train.images)
    assert "1 of 10 images of role train" in train.note
    assert "left out (g0.png: t0.png)" in caplog.text
    both, validation = _read(divided, "train", "validation")
    assert _counts(both) == (8, 0, 2)
    assert _counts(validation) == (0, 3, 0)


def test_a_fraction_that_is_set_is_split_off_besides(divided: dict[str, dict[str, Any]]) -> None:
    train, test = _read(divided, "train", "test", split={"test_fraction": 0.2})
    assert len(train.test) == 2
    assert len(test.test) == 4
    data = [divided["train"] | {"held_out": 3}, divided["test"]]
    train, test = read_sources(DetectorTraining.model_validate({"data": data}))
    assert len(train.test) == 3
    assert "g0.png" not in (image.name for image in train.images)


def test_folds_divide_the_training_images_alone(divided: dict[str, dict[str, Any]]) -> None:
    tested = []
    for fold in range(2):
        split = {"folds": 2, "fold": fold}
        train, validation, test = _read(divided, "train", "validation", "test", split=split)
        assert _counts(validation) == (0, 3, 0)
        assert _counts(test) == (0, 0, 0)
        assert test.note == "4 images of role test are not used in a cross-validation"
        tested += [image.name for image in train.test]
    assert sorted(tested) == [f"g{i}.png" for i in range(10)]


def test_roles_are_checked(divided: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(ValidationError, match="needs a source of role train"):
        DetectorTraining.model_validate({"data": [divided["test"]]})
    with pytest.raises(ValidationError, match="held_out is for sources of role train"):
        DetectorData.model_validate(divided["test"] | {"held_out": 2})


def test_the_former_name_of_the_kind_is_read(tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_text("data: [{images: a, annotations: b, role: fields}]\n")
    (data,) = load_config(file, DetectorTraining).data
    assert (data.kind, data.role) == ("fields", "train")
    file.write_text(dump_config(DetectorTraining(data=(data,))))
    assert load_config(file, DetectorTraining).data == (data,)
