from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.export.publish import recalibrate
from galpipe.errors import BundleError, InputError
from galpipe.models import read_bundle, write_bundle

pytestmark = pytest.mark.tensorflow


def test_scores_threshold_figures_and_card_follow(
    recorded_bundle: Path, squares_training: DetectorTraining
) -> None:
    network = read_bundle(recorded_bundle).read("model.tflite")
    # Where the images lie is all that is taken from the configuration.
    recalibrate(
        recorded_bundle, squares_training.model_copy(update={"steps": 7, "input_size": 128})
    )
    made = read_bundle(recorded_bundle)
    made.verify()
    assert made.read("model.tflite") == network
    assert made.read("notes.txt") == b"kept"
    assert made.read("reliability.png").startswith(b"\x89PNG")
    head = made.manifest.head
    assert head is not None
    assert head.calibration.slope > 0
    assert head.calibration.slope != 1
    metrics = made.metrics()
    assert metrics["score_threshold"] == head.score_threshold
    assert metrics["calibration"] == head.calibration.model_dump()
    (source,) = made.manifest.data.sources
    assert metrics["held_back"]["cutouts"]["images"] == len(source.split.test)
    assert metrics["held_back"]["cutouts"]["map50"] > 0.5
    assert "trained network's" not in made.read("MODEL_CARD.md").decode()
    assert "share of true boxes" in made.read("MODEL_CARD.md").decode()

    before = made.manifest
    recalibrate(recorded_bundle, squares_training)
    assert read_bundle(recorded_bundle).manifest == before


def test_other_images_are_refused(
    recorded_bundle: Path, squares_training: DetectorTraining
) -> None:
    for file in list(squares_training.data[0].annotations.iterdir())[:2]:
        file.unlink()
    with pytest.raises(InputError, match="differ from those of the training"):
        recalibrate(recorded_bundle, squares_training)


def test_what_has_no_record_is_refused(
    tiny_detector_bundle: Path, tiny_classifier_bundle: Path, squares_training: DetectorTraining
) -> None:
    with pytest.raises(InputError, match="differ from those of the training"):
        recalibrate(tiny_detector_bundle, squares_training)
    with pytest.raises(BundleError, match="is a classifier, not a detector"):
        recalibrate(tiny_classifier_bundle, squares_training)


def test_a_record_of_another_kind_is_refused(
    recorded_bundle: Path, squares_training: DetectorTraining
) -> None:
    known = read_bundle(recorded_bundle)
    training = known.manifest.training | {"steps": -1}
    manifest = known.manifest.model_copy(update={"training": training})
    write_bundle(recorded_bundle, manifest, {"model.tflite": known.read("model.tflite")}, "", {})
    with pytest.raises(BundleError, match="no record of its training"):
        recalibrate(recorded_bundle, squares_training)
