from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from galpipe.classification.classifier import load_classifier
from galpipe.configs import Anchors
from galpipe.detection.anchors import multilevel_anchors
from galpipe.detection.base import LOWEST_SCORE
from galpipe.detection.detector import Detector
from galpipe.detection.load import load_detector
from galpipe.errors import BundleError
from galpipe.models import (
    DetectorHead,
    InputScaling,
    Manifest,
    Member,
    ScoreCalibration,
    read_bundle,
    write_bundle,
)
from galpipe.models.litert import LiteRTNetwork, _quantized
from galpipe.models.manifest import MANIFEST_NAME


def test_finds_the_square_where_it_is(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    detector = load_detector(tiny_detector_bundle)
    image = squares(64, 64, (16, 32))
    image[32:40, 16:24] = 200
    (found,) = detector.detect_tiles(image[np.newaxis])
    # Four anchors of 16 pixels share the square; each cell's anchor is centred on its cell.
    best = found.select(found.scores.argsort()[::-1])
    assert (best.scores > 0.9).all()
    centres = (best.boxes[:, :2] + best.boxes[:, 2:]) / 2
    assert (np.abs(centres - [24, 40]) <= 4).all()


def test_an_image_at_a_time_gives_what_a_batch_gives(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    detector = load_detector(tiny_detector_bundle)
    images = np.stack([squares(64, 64, (0, 0)), squares(64, 64), squares(64, 64, (40, 8))])
    together = detector.detect_tiles(images)
    alone = [detector.detect_tiles(image[np.newaxis])[0] for image in images]
    assert [len(found) for found in together] == [len(found) for found in alone]
    assert len(together[1]) == 0
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_released_and_results_stay() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    detector = load_detector()
    tile = np.random.default_rng(0).integers(0, 60, (1, 1024, 1024, 3), np.uint8)
    (found,) = detector.detect_tiles(tile, 0.01)
    before = resident()
    detector.release_memory()
    assert before - resident() > 50e6
    (again,) = detector.detect_tiles(tile, 0.01)
    np.testing.assert_array_equal(again.scores, found.scores)


def test_the_threshold_given_replaces_the_models(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    detector = load_detector(tiny_detector_bundle)
    grey = squares(64, 64)
    grey[16:32, 16:32] = 110  # below half, so under the model's own threshold
    assert len(detector.detect_tiles(grey[np.newaxis])[0]) == 0
    assert len(detector.detect_tiles(grey[np.newaxis], score_threshold=0.1)[0]) > 0


def test_boxes_are_clipped_to_the_image(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    (found,) = load_detector(tiny_detector_bundle).detect_tiles(squares(64, 64, (0, 0))[np.newaxis])
    assert found.boxes.min() >= 0


def test_each_task_is_opened_as_what_it_is(
    tiny_detector_bundle: Path, tiny_classifier_bundle: Path
) -> None:
    assert isinstance(load_detector(tiny_detector_bundle), Detector)
    with pytest.raises(BundleError, match="is a classifier, not a detector"):
        load_detector(tiny_classifier_bundle)
    with pytest.raises(BundleError, match="is a detector, not a classifier"):
        load_classifier(tiny_detector_bundle)


@pytest.mark.tensorflow
def test_four_classes_are_not_taken_for_boxes(tmp_path: Path) -> None:
    import tensorflow as tf

    anchors = Anchors(min_level=3, max_level=3, num_scales=1, aspect_ratios=(1.0,), anchor_size=2.0)

    def graph(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        dark = 0.0 * tf.reshape(tf.nn.avg_pool2d(image, 8, 8, "VALID"), [1, -1, 3])[..., :1]
        return dark + tf.constant([-9.0, -9.0, 4.0, -9.0]), dark + tf.constant([0.0, 0.5, 0.0, 0.0])

    signature = [tf.TensorSpec([1, 16, 16, 3], tf.float32)]
    concrete = tf.function(graph, input_signature=signature).get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()
    manifest = Manifest(
        name="four",
        task="detector",
        class_names=("a", "b", "c", "d"),
        input_size=16,
        members=(
            Member(name="four", file="f.tflite", scaling=InputScaling(scale=1.0, offset=0.0)),
        ),
        head=DetectorHead(anchors=anchors, score_threshold=0.5, iou_threshold=1.0),
    )
    folder = write_bundle(tmp_path / "four", manifest, {"f.tflite": content}, "", {})
    (found,) = load_detector(folder).detect_tiles(np.zeros((1, 16, 16, 3), np.uint8))
    assert found.class_ids.tolist() == [2, 2, 2, 2]
    moved = multilevel_anchors(anchors, 16) + np.array([8, 0, 8, 0])
    np.testing.assert_allclose(found.boxes, moved.clip(0, 16), atol=1e-4)


def test_calibrated_scores_are_probabilities_in_the_same_order(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    bundle = read_bundle(tiny_detector_bundle)
    assert bundle.manifest.head is not None
    calibration = ScoreCalibration(slope=2.0, intercept=-1.0)
    head = bundle.manifest.head.model_copy(update={"calibration": calibration})
    manifest = bundle.manifest.model_copy(update={"head": head})
    plain, calibrated = Detector(bundle), Detector(replace(bundle, manifest=manifest))
    image = squares(64, 64, (8, 8), (40, 24))
    image[8:24, 8:24] = 150
    (before,) = plain.detect_tiles(image[np.newaxis], plain.lowest_score)
    (after,) = calibrated.detect_tiles(image[np.newaxis], calibrated.lowest_score)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    odds = before.scores / (1 - before.scores)
    np.testing.assert_allclose(after.scores, 1 / (1 + np.exp(1) / odds**2))


def test_a_bundle_without_calibration_is_read_as_before(
    tiny_detector_bundle: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_detector_bundle, tmp_path / "old"))
    content = json.loads((folder / MANIFEST_NAME).read_text())
    del content["head"]["calibration"]
    (folder / MANIFEST_NAME).write_text(json.dumps(content))
    detector = Detector(read_bundle(folder))
    assert detector.lowest_score == pytest.approx(LOWEST_SCORE)


@pytest.mark.parametrize("slope", [0.0, -1.0, float("inf"), float("nan")])
def test_a_calibration_that_turns_the_order_is_refused(slope: float) -> None:
    with pytest.raises(ValidationError):
        ScoreCalibration(slope=slope)


def test_a_steep_calibration_takes_any_logit() -> None:
    calibration = ScoreCalibration(slope=32.0, intercept=1.0)
    found = calibration.probabilities(np.array([-1e4, -1 / 32, 1e4]))
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0])


@pytest.mark.tensorflow
def test_a_network_in_8_bits_is_fed_and_read_as_a_float_one() -> None:
    import tensorflow as tf

    def graph(image: tf.Tensor) -> tf.Tensor:
        return tf.nn.avg_pool2d(image, 4, 4, "VALID")

    signature = [tf.TensorSpec([1, 16, 16, 3], tf.float32)]
    concrete = tf.function(graph, input_signature=signature).get_concrete_function()
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    scaling = InputScaling(scale=1 / 127.5, offset=-1.0)
    results = []
    for kind in (tf.float32, tf.int8, tf.uint8):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
        if kind != tf.float32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: [
                [np.linspace(-1, 1, 768, dtype=np.float32).reshape(1, 16, 16, 3)]
            ]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = kind
        (output,) = LiteRTNetwork(converter.convert(), scaling).run(images)
        results.append(output)
    assert {output.dtype for output in results} == {np.dtype(np.float32)}
    np.testing.assert_allclose(results[1], results[0], atol=0.02)
    np.testing.assert_allclose(results[2], results[0], atol=0.02)


def test_neighbouring_pixels_stay_apart_in_8_bits() -> None:
    # The converter's choice for -1..1: every pixel lies half way between two numbers.
    detail = {"dtype": np.int8, "quantization": (2 / 255, -1)}
    pixels = np.arange(256) * np.float32(1 / 127.5) + np.float32(-1)
    assert _quantized(pixels, detail).tolist() == list(range(-128, 128))
