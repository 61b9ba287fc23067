from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from galpipe.errors import BundleError
from galpipe.metrics.records import (
    ClassifierRecord,
    EvaluationSet,
    read_classifier_records,
    read_detector_record,
)
from galpipe.models import InputScaling, Manifest, Member, find_bundle, read_bundle, write_bundle


@pytest.mark.parametrize(
    "images",
    [
        EvaluationSet(part="validation", crops="boxes"),
        EvaluationSet(part="test", crops="boxes"),
        EvaluationSet(part="test", crops="cutouts", by_sets=True),
        EvaluationSet(part="external", crops="cutouts", source="gz1, north"),
        EvaluationSet(part="external", crops="cutouts", source="gz1", by_sets=True),
    ],
)
def test_a_title_of_an_earlier_version_gives_the_same_keys(images: EvaluationSet) -> None:
    assert EvaluationSet.from_title(images.title) == images


def test_keys_come_before_the_title() -> None:
    images = EvaluationSet(part="external", crops="cutouts", source="test")
    content = {"images": images.title, "set": images.model_dump(), "metrics": {}, "files": ["a"]}
    assert ClassifierRecord.model_validate(content).images == images
    del content["set"]
    assert ClassifierRecord.model_validate(content).images.part == "test"


def test_the_shipped_records_can_be_read() -> None:
    records = read_classifier_records(find_bundle("galaxy10_ensemble"))
    assert [(one.images.part, one.images.crops, one.images.source) for one in records] == [
        ("test", "boxes", ""),
        ("test", "cutouts", ""),
        ("external", "cutouts", "gz1"),
        ("external", "cutouts", "galaxy10_decals"),
    ]
    assert [one.images.by_sets for one in records] == [False, False, True, False]
    assert all(set(one.metrics) == {"cnn", "vgg16", "ensemble"} for one in records)
    (first, *_) = read_classifier_records(find_bundle("galaxy10_cnn"))
    assert first.metrics["cnn"].macro_f1 is None
    detector = read_detector_record(find_bundle("ssd_mobilenet"))
    assert detector.held_out["cutouts"].map50 == 0.9857
    assert detector.held_out["fields"].ar1_single is None
    assert detector.held_out["fields"].ar1_of_ceiling == pytest.approx(0.0562 / 0.0674)


@pytest.mark.parametrize(
    "metrics", [{"held_back": 3}, {"held_back": {"cutouts": {"map50": "much"}}}]
)
def test_a_broken_record_of_a_detector_is_named(tmp_path: Path, metrics: dict[str, Any]) -> None:
    manifest = Manifest(
        name="broken",
        task="classifier",
        class_names=("a", "b"),
        input_size=16,
        members=(Member(name="m", file="m.tflite", scaling=InputScaling(scale=1, offset=0)),),
    )
    place = write_bundle(tmp_path / "broken", manifest, {"m.tflite": b"network"}, "", metrics)
    with pytest.raises(BundleError, match=r"broken: metrics\.json is not that of a det"):
        read_detector_record(read_bundle(place))
