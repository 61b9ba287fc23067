from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.card import describe_data
from galpipe.detection.dataset import read_sources
from galpipe.detection.recalibrate import recalibrate
from galpipe.detection.views import LabelledImage
from galpipe.errors import BundleError, InputError
from galpipe.models import read_bundle, write_bundle

Save = Callable[..., tuple[Path, Path]]


@pytest.fixture
def config(save_source: Save) -> DetectorTraining:
    """Images with two bright galaxies, and a fainter spot that is none."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(12):
        rgb = np.zeros((64, 64, 3), np.uint8)
        # No two alike, or they would be taken for one galaxy.
        rgb[:] = cv2.resize(rng.integers(0, 90, (4, 4), dtype=np.uint8), (64, 64))[..., np.newaxis]
        # A cell of the tiny detector each; its box is the 16 pixels about it.
        cells = [(8 + 16 * (cell % 3), 8 + 16 * (cell // 3)) for cell in rng.permutation(9)[:3]]
        for (x, y), darkest, brightest in zip(cells, (130, 130, 90), (250, 250, 150), strict=True):
            rgb[y : y + 8, x : x + 8] = rng.integers(darkest, brightest)
        images.append(
            LabelledImage(
                name=f"i{number}",
                rgb=rgb,
                boxes=np.array([[x - 4.0, y - 4, x + 12, y + 12] for x, y in cells[:2]]),
                class_ids=np.zeros(2, np.int64),
                difficult=np.zeros(2, bool),
                smallest=0.0,
            )
        )
    pictures, annotations = save_source("squares", images)
    return DetectorTraining.model_validate(
        {
            "data": [{"images": pictures, "annotations": annotations}],
            "backbone_weights": "none",
            "input_size": 64,
            "split": {"test_fraction": 0.25, "validation_fraction": 0.3},
        }
    )


@pytest.fixture
def bundle(tiny_detector_bundle: Path, config: DetectorTraining, tmp_path: Path) -> Path:
    """The tiny detector, as if it had been trained on these images."""
    tiny = read_bundle(tiny_detector_bundle)
    record = {
        "training": config.model_dump(mode="json"),
        "data": describe_data(read_sources(config)),
    }
    files = {"model.tflite": tiny.read("model.tflite"), "notes.txt": b"kept"}
    manifest = tiny.manifest.model_copy(update=record)
    return write_bundle(tmp_path / "tiny", manifest, files, "", {})


def test_scores_threshold_figures_and_card_follow(bundle: Path, config: DetectorTraining) -> None:
    network = read_bundle(bundle).read("model.tflite")
    # Where the images lie is all that is taken from the configuration.
    recalibrate(bundle, config.model_copy(update={"steps": 7, "input_size": 128}))
    made = read_bundle(bundle)
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
    (source,) = made.manifest.data["sources"]
    assert metrics["held_back"]["cutouts"]["images"] == len(source["split"]["test"])
    assert metrics["held_back"]["cutouts"]["map50"] > 0.5
    assert "trained network's" not in made.read("MODEL_CARD.md").decode()
    assert "share of true boxes" in made.read("MODEL_CARD.md").decode()

    before = made.manifest
    recalibrate(bundle, config)
    assert read_bundle(bundle).manifest == before


def test_other_images_are_refused(bundle: Path, config: DetectorTraining) -> None:
    for file in list(config.data[0].annotations.iterdir())[:2]:
        file.unlink()
    with pytest.raises(InputError, match="was not trained on the images"):
        recalibrate(bundle, config)


def test_what_has_no_record_is_refused(
    tiny_detector_bundle: Path, tiny_classifier_bundle: Path, config: DetectorTraining
) -> None:
    with pytest.raises(InputError, match="was not trained on the images"):
        recalibrate(tiny_detector_bundle, config)
    with pytest.raises(BundleError, match="is a classifier, not a detector"):
        recalibrate(tiny_classifier_bundle, config)


def test_a_record_of_another_kind_is_refused(bundle: Path, config: DetectorTraining) -> None:
    known = read_bundle(bundle)
    training = known.manifest.training | {"steps": -1}
    manifest = known.manifest.model_copy(update={"training": training})
    write_bundle(bundle, manifest, {"model.tflite": known.read("model.tflite")}, "", {})
    with pytest.raises(BundleError, match="no record of its training"):
        recalibrate(bundle, config)
