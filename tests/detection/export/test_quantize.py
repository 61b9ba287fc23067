"""A detector in integers finds what the one in floating point finds."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from galpipe.configs import DetectorTraining, dump_config
from galpipe.detection.detector import Detector
from galpipe.detection.export.publish import recalibrate
from galpipe.detection.export.quantize import quantize, quantize_network, representative_tiles
from galpipe.detection.load import load_detector
from galpipe.detection.measure import search_by_kind
from galpipe.detection.training.dataset import TrainingSource, read_sources
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.errors import BundleError, InputError, MissingExtraError, OutputError
from galpipe.models import InputScaling, read_bundle, write_bundle
from galpipe.models.litert import LiteRTNetwork
from galpipe.models.litert_file import has_integers, read_graph
from galpipe.pipeline.cli import cli

pytestmark = pytest.mark.tensorflow

SCALING = InputScaling(scale=1 / 255, offset=0.0)


def _call(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, ["models", "quantize", *map(str, arguments)])


def _convert(function: Callable[[Any], Any], side: int = 16) -> bytes:
    import tensorflow as tf

    signature = tf.TensorSpec((1, side, side, 3), tf.float32)
    traced = tf.function(function).get_concrete_function(signature)
    content = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module()).convert()
    assert isinstance(content, bytes)
    return content


@pytest.fixture
def convolutional_bundle(recorded_bundle: Path) -> Path:
    """The tiny detector as convolutions, and with boxes that shift and grow with the light."""
    import tensorflow as tf

    kernels = np.full((8, 8, 3, 1), 1 / 192, np.float32) * [20.0, 0.1, -0.05, 0.2, 0.1]

    def graph(image: Any) -> tuple[Any, Any]:
        logits, codes = (
            tf.nn.conv2d(image, kernel.astype(np.float32), 8, "VALID")
            for kernel in (kernels[..., :1], kernels[..., 1:])
        )
        return tf.reshape(logits - 10.0, (1, -1, 1)), tf.reshape(codes, (1, -1, 4))

    files = {"model.tflite": _convert(graph, 64), "notes.txt": b"kept"}
    return write_bundle(recorded_bundle, read_bundle(recorded_bundle).manifest, files, "", {})


def test_a_detector_in_integers_finds_the_same_boxes(
    convolutional_bundle: Path, squares_training: DetectorTraining, tmp_path: Path
) -> None:
    config, place = tmp_path / "squares.yaml", tmp_path / "made" / "int8"
    config.write_text(dump_config(squares_training))
    result = _call(convolutional_bundle, "--config", config, "-o", place, "--tiles", 12)
    assert result.exit_code == 0, result.output
    assert "lost cutouts map50" in result.output

    bundle = read_bundle(place)
    bundle.verify()
    assert bundle.manifest.name == "tiny_detector_int8"
    assert bundle.read("notes.txt") == b"kept"
    content = bundle.read("model.tflite")
    network = LiteRTNetwork(content, SCALING)
    assert has_integers(content)
    kinds = {detail["dtype"] for detail in [network._input, *network._outputs]}
    assert kinds == {np.int8}

    before, after = Detector(read_bundle(convolutional_bundle)), load_detector(place)
    (source,) = read_sources(squares_training)
    for image in source.test:
        (expected,) = before.detect_tiles(image.rgb[np.newaxis], 0.5)
        (found,) = after.detect_tiles(image.rgb[np.newaxis], 0.0)
        assert len(expected) >= 2
        for box in expected.boxes:
            assert np.abs(found.boxes - box).max(axis=1).min() < 1.0
    measured = search_by_kind(after, [source], "test")["cutouts"].metrics
    metrics = bundle.metrics()
    float_figures = search_by_kind(before, [source], "test")["cutouts"].metrics
    assert metrics["quantised"] == {
        "tiles": 12,
        "float_network": {
            "cutouts": {"map50": round(float_figures.map50, 4), "ap": round(float_figures.ap, 4)}
        },
        "lost": {
            "cutouts": {
                "map50": pytest.approx(float_figures.map50 - measured.map50, abs=2e-4),
                "ap": pytest.approx(float_figures.ap - measured.ap, abs=2e-4),
            }
        },
    }
    card = bundle.read("MODEL_CARD.md").decode()
    assert card.startswith("# tiny_detector_int8\n")
    assert "in integers of 8 bits" in card
    assert f"| cutouts | {float_figures.map50:.3f} | {measured.map50:.3f} |" in card

    recalibrate(place, squares_training)
    assert read_bundle(place).metrics() == metrics
    assert read_bundle(place).read("MODEL_CARD.md").decode() == card
    with pytest.raises(BundleError, match="already quantized"):
        quantize(place, squares_training, tmp_path / "twice")


def test_only_training_images_are_looked_at(squares_training: DetectorTraining) -> None:
    def image(brightness: int) -> TrainingImage:
        rgb = np.full((150, 100, 3), brightness, np.uint8)
        none = np.zeros(0)
        return TrainingImage("plain", rgb, none.reshape(0, 4), none, none.astype(bool), 0.0)

    (data,) = squares_training.data
    sources = [
        TrainingSource(data, [image(10), image(11)], [image(90)], [image(91)]),
        TrainingSource(data, [], [image(92)], [image(93)]),
        TrainingSource(data, [image(20)], [image(94)], [image(95)]),
    ]
    tiles = list(representative_tiles(sources, 64, 40, seed=0))
    assert {tile.shape for tile in tiles} == {(64, 64, 3)}
    seen = [set(np.unique(tile)) for tile in tiles]
    assert set.union(*seen[::2]) == {10, 11}
    assert set.union(*seen[1::2]) == {20}
    again = representative_tiles(sources, 64, 40, seed=0)
    np.testing.assert_array_equal(tiles, list(again))


def test_every_pixel_has_a_number_though_no_tile_shows_it() -> None:
    content = _convert(lambda image: image * 2.0)
    dark = iter([np.full((16, 16, 3), 30, np.uint8), np.zeros((16, 16, 3), np.uint8)])
    network = LiteRTNetwork(quantize_network(content, dark, SCALING), SCALING)
    scale, zero = network._input["quantization"]
    assert (scale, zero) == (pytest.approx(1 / 255), -128)


def test_layers_finer_than_an_eighth_of_the_input_stay_in_floating_point() -> None:
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import TensorType

    rng = np.random.default_rng(0)
    sides = [3, 8, 8, 8, 4]
    kernels = [
        rng.normal(0, 0.3, (3, 3, *pair)).astype(np.float32) for pair in itertools.pairwise(sides)
    ]

    def graph(image: Any) -> Any:
        for kernel in kernels:
            image = tf.nn.relu6(tf.nn.conv2d(image, kernel, 2, "SAME"))
        return image

    content = _convert(graph, 32)
    tiles = rng.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    quantized = quantize_network(content, iter(tiles), SCALING, float_start=True)
    _, layers = read_graph(quantized)
    for side, expected in [(16, "FLOAT32"), (8, "FLOAT32"), (4, "INT8"), (2, "INT8")]:
        results = {
            layers.tensors[operator.outputs[0]].type
            for operator in layers.operators
            if layers.tensors[operator.outputs[0]].shape[1] == side
            and len(operator.inputs) == 3  # a convolution
        }
        assert results == {getattr(TensorType, expected)}
    assert has_integers(quantized)
    assert not has_integers(content)
    network, exact = (LiteRTNetwork(file, SCALING) for file in (quantized, content))
    assert network._input["dtype"] == np.float32
    for tile in tiles:
        (found,), (true,) = network.run(tile[np.newaxis]), exact.run(tile[np.newaxis])
        assert np.abs(found - true).max() < 0.05 * true.max()


def test_refinement_and_calibration_stay_if_boxes_hardly_change(
    convolutional_bundle: Path, squares_training: DetectorTraining, tmp_path: Path
) -> None:
    config, place = tmp_path / "squares.yaml", tmp_path / "int8"
    config.write_text(dump_config(squares_training))
    options = ["--config", config, "-o", place, "--tiles", 6, "--float-start"]
    result = _call(convolutional_bundle, *options)
    assert result.exit_code == 0, result.output
    before, after = Detector(read_bundle(convolutional_bundle)), Detector(read_bundle(place))
    assert after.head.calibration == before.head.calibration
    assert after.score_threshold == before.score_threshold
    assert (after.refinement is None) == (before.refinement is None)
    bundle = read_bundle(place)
    assert has_integers(bundle.read("model.tflite"))
    assert set(bundle.metrics()["quantised"]["lost"]) == {"cutouts"}


@pytest.mark.parametrize("fault", ["no form in integers", "no network"])
def test_what_has_no_form_in_integers_is_named(fault: str) -> None:
    import tensorflow as tf

    content, message = _convert(tf.sin), "no integer version of SIN"
    if fault == "no network":
        content, message = content[: len(content) // 2], "requires a buffer"
    tiles = iter([np.arange(768).astype(np.uint8).reshape(16, 16, 3)])
    with pytest.raises(ValueError, match=message):
        quantize_network(content, tiles, SCALING)


def test_what_cannot_be_quantised_is_explained(
    recorded_bundle: Path,
    tiny_detector_bundle: Path,
    tiny_classifier_bundle: Path,
    squares_training: DetectorTraining,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "int8"
    with pytest.raises(BundleError, match="is a classifier, not a detector"):
        quantize(tiny_classifier_bundle, squares_training, place)
    with pytest.raises(InputError, match="differ from those of the training"):
        quantize(tiny_detector_bundle, squares_training, place)
    with pytest.raises(OutputError, match="already exists"):
        quantize(recorded_bundle, squares_training, tmp_path)
    with pytest.raises(BundleError, match="nowhere"):
        quantize(tmp_path / "nowhere", squares_training, place)
    monkeypatch.setattr(
        "galpipe.detection.export.quantize.quantize_network",
        lambda *_, **__: (_ for _ in ()).throw(ValueError("no integer version of SIN")),
    )
    with pytest.raises(
        BundleError, match=r"'model.tflite' cannot be quantized: no integer version of SIN"
    ):
        quantize(recorded_bundle, squares_training, place)
    config = tmp_path / "squares.yaml"
    config.write_text(dump_config(squares_training))
    result = _call(tiny_classifier_bundle, "--config", config, "-o", place)
    assert result.exit_code == 2
    assert "is a classifier, not a detector" in result.output
    assert not place.exists()
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[train\]"):
        quantize(recorded_bundle, squares_training, place)
