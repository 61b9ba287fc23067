from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from galpipe.detection.external.external_detector import ExternalDetector, NetworkOutputs
from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field
from galpipe.errors import BundleError, InputError, MissingExtraError
from galpipe.pipeline.cli import cli

pytestmark = pytest.mark.tensorflow

RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(width: int, height: int, squares: dict[tuple[int, int], tuple[int, ...]]) -> np.ndarray:
    rgb = np.zeros((height, width, 3), np.uint8)
    for (x, y), colour in squares.items():
        rgb[y : y + 16, x : x + 16] = colour
    return rgb


def check_two_squares(detector: Any, scale: int = 1) -> None:
    image = picture(64, 64, {(8, 32): RED, (40, 16): BLUE})
    (found,) = detector.detect_tiles(image.repeat(scale, axis=0).repeat(scale, axis=1)[np.newaxis])
    order = found.class_ids.argsort()
    expected = np.array([[8, 32, 24, 48], [40, 16, 56, 32]]) * scale
    assert found.class_ids[order].tolist() == [0, 1]
    np.testing.assert_allclose(found.boxes[order], expected, atol=0.1 * scale)
    assert (found.scores > 0.95).all()


@pytest.mark.parametrize("kind", ["float32", "uint8", "int8"])
def test_a_tflite_export_finds_the_squares(
    tflite_detector: Callable[[str], Path], kind: str
) -> None:
    detector = load_detector(tflite_detector(kind))
    assert (detector.input_size, detector.score_threshold) == (64, 0.5)
    assert detector.class_names == ("class 1", "class 2", "class 3")
    assert detector.identity.name == "squares"
    check_two_squares(detector)


def test_a_saved_model_of_the_object_detection_api_finds_the_squares(api_detector: Path) -> None:
    for path in (api_detector, api_detector / "saved_model"):
        detector = load_detector(path)
        assert detector.input_size == 64
        assert detector.class_names == ("star", "galaxy")
        assert detector.identity.name == "ssd_squares"
    assert "variables/variables.index" in detector.identity.sha256
    check_two_squares(detector)


def test_a_tf_vision_export_finds_the_squares(vision_detector: Path) -> None:
    detector = load_detector(vision_detector)
    assert detector.input_size == 320  # it takes any size
    assert detector.class_names[:2] == ("class 1", "class 2")
    check_two_squares(detector, scale=5)


def test_a_saved_model_of_tensorflow_1_runs(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.uint8, [None, None, None, 3], name="image_tensor")
        gain = v1.get_variable("gain", initializer=1 / 255, use_resource=False)
        middle = tf.image.resize(tf.cast(image, tf.float32), (64, 64))[:, 16:32, 8:24]
        score = tf.reduce_mean(middle, axis=[1, 2])[:, :1] * gain
        outputs = {
            "detection_boxes": tf.constant([[[0.25, 0.125, 0.5, 0.375]]]) + 0 * score[0],
            "detection_scores": score,
            "detection_classes": tf.ones_like(score),
            "num_detections": tf.ones_like(score[:, 0]),
        }
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "old"))
        signature = v1.saved_model.predict_signature_def({"inputs": image}, outputs)
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map={"serving_default": signature}
        )
        builder.save()
    detector = load_detector(tmp_path / "old")
    (found,) = detector.detect_tiles(np.full((1, 320, 320, 3), 255, np.uint8))
    np.testing.assert_allclose(found.boxes, [[40, 80, 120, 160]], atol=1e-3)


def test_fields_are_searched_tile_by_tile(tflite_detector: Callable[[str], Path]) -> None:
    corners = {(8, 8): RED, (48, 24): BLUE, (96, 64): RED, (184, 104): BLUE}
    found = detect_field(picture(200, 120, corners), load_detector(tflite_detector("uint8")))
    expected = [[x, y, x + 16, y + 16] for x, y in sorted(corners)]
    order = np.lexsort(found.boxes[:, 1::-1].T)
    np.testing.assert_allclose(found.boxes[order], expected, atol=4)
    assert found.class_ids[order].tolist() == [0, 1, 0, 1]


def test_the_command_line_takes_it(tmp_path: Path, api_detector: Path) -> None:
    field = tmp_path / "field.png"
    cv2.imwrite(str(field), picture(64, 64, {(8, 32): RED})[..., ::-1])
    arguments = ["detect", str(field), "-o", str(tmp_path / "out"), "--model", str(api_detector)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["fields"][0]["objects"] == {"star": 1}
    assert record["score_threshold"] == 0.5
    model = record["models"]["detector"]
    assert (model["name"], model["class_names"]) == ("ssd_squares", ["star", "galaxy"])
    assert "saved_model.pb" in model["sha256"]


def test_classes_are_named_by_the_label_map(
    tmp_path: Path, tflite_detector: Callable[[str], Path]
) -> None:
    path = Path(shutil.copy(tflite_detector("uint8"), tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labelmap.txt", "packed star\npacked galaxy")
    assert load_detector(path).class_names == ("packed star", "packed galaxy")
    (tmp_path / "labels.txt").write_text("star\ngalaxy\n")
    assert load_detector(path).class_names == ("star", "galaxy")
    (tmp_path / "labels.txt").write_text("star\n")
    detector = load_detector(path)
    with pytest.raises(
        BundleError, match="detected class number 2, but has the names of 1 classes"
    ):
        detector.detect_tiles(picture(64, 64, {(8, 8): BLUE})[np.newaxis])
    (tmp_path / "label_map.pbtxt").write_text("item { id: 3 name: 'c' } item { id: 1 name: 'a' }")
    assert load_detector(path).class_names == ("a", "class 2", "c")
    (tmp_path / "label_map.pbtxt").write_text("item {")
    with pytest.raises(InputError, match="not a usable label map"):
        load_detector(path)


class Recited(ExternalDetector):
    """A detector that always gives the same."""

    def __init__(self, *outputs: Any) -> None:
        super().__init__(Path("recited"), "recited", {}, 8, ["galaxy"], None)
        self.outputs = NetworkOutputs(*outputs)

    def run(self, image: np.ndarray) -> NetworkOutputs:
        return self.outputs


@pytest.mark.filterwarnings("error")
def test_what_is_no_box_is_left_out() -> None:
    nan, inf = np.nan, np.inf
    boxes = [[1, 2, 5, 7], [nan, 0, 1, 1], [0, 0, inf, 1], [5, 5, 4, 4], [-9, -9, 99, 99]]
    boxes += [[0, 0, 1, 1]] * 2
    scores = np.array([0.6, 0.9, 0.9, 0.9, 1.5, nan, 0.9])
    detector = Recited(np.array(boxes, float), scores, np.zeros(7), 6.0)
    (found,) = detector.detect_tiles(np.zeros((1, 8, 8, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, 8, 8], [2, 1, 7, 5]]
    assert found.scores.tolist() == [1, 0.6]
    detector.outputs = detector.outputs._replace(found=nan)
    assert len(detector.detect_tiles(np.zeros((1, 8, 8, 3), np.uint8))[0]) == 0


@pytest.mark.parametrize("shape", [(3, 3), (4,), (2, 4), (3, 4, 1)])
def test_outputs_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    detector = Recited(np.zeros(shape), np.zeros(3), np.zeros(3), 3.0)
    with pytest.raises(BundleError, match="do not match"):
        detector.detect_tiles(np.zeros((1, 8, 8, 3), np.uint8))


def _read(tf: Any, image: Any, path: str) -> Any:
    return tf.io.read_file(path)


def _write(tf: Any, image: Any, path: str) -> Any:
    with tf.control_dependencies([tf.io.write_file(path, "x")]):
        return tf.constant("")


def _list(tf: Any, image: Any, path: str) -> Any:
    return tf.io.matching_files(path)


def _print(tf: Any, image: Any, path: str) -> Any:
    with tf.control_dependencies([tf.print("x", output_stream=f"file://{path}")]):
        return tf.constant("")


def _python(tf: Any, image: Any, path: str) -> Any:
    return tf.numpy_function(lambda: np.bytes_(b""), [], tf.string)


def _save(tf: Any, image: Any, path: str) -> Any:
    with tf.control_dependencies([tf.raw_ops.Save(filename=path, tensor_names=["x"], data=[1.0])]):
        return tf.constant("")


def _restore(tf: Any, image: Any, path: str) -> Any:
    tensors = tf.raw_ops.RestoreV2(
        prefix=path, tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.string]
    )
    return tensors[0]


def _hidden(tf: Any, image: Any, path: str) -> Any:
    """Read a file only for bright pictures, two functions deep."""

    @tf.function  # type: ignore[untyped-decorator]
    def inner() -> Any:
        return tf.io.read_file(path)

    return tf.cond(tf.reduce_max(image) > 0.5, inner, lambda: tf.constant(""))


@pytest.mark.parametrize(
    ("act", "operation"),
    [
        (_read, "ReadFile"),
        (_write, "WriteFile"),
        (_list, "MatchingFiles"),
        (_print, "PrintV2"),
        (_python, "PyFunc"),
        (_save, "Save"),
        (_restore, "RestoreV2"),
        (_hidden, "ReadFile"),
    ],
)
def test_a_saved_model_that_reaches_out_is_refused(
    tmp_path: Path, save_model: Callable[..., Path], act: Callable[..., Any], operation: str
) -> None:
    import tensorflow as tf

    secret = tmp_path / "secret"

    def network(unit: Any) -> Any:
        leak = tf.cast(tf.strings.length(act(tf, unit, str(secret))), tf.float32)
        boxes = tf.zeros([1, 1, 4]) + tf.reduce_sum(leak)
        scores = tf.reduce_mean(unit, axis=[1, 2])[:, :1]
        return {
            "detection_boxes": boxes,
            "detection_scores": scores,
            "detection_classes": scores,
            "num_detections": scores[0],
        }

    folder = save_model(tmp_path / "model", network, [1, 8, 8, 3])
    with pytest.raises(BundleError, match=f"uses the operation '{operation}'"):
        load_detector(folder)
    assert not secret.exists()


def test_a_damaged_saved_model_is_a_bundle_error(tmp_path: Path, api_detector: Path) -> None:
    folder = shutil.copytree(api_detector / "saved_model", tmp_path / "broken")
    graph = folder / "saved_model.pb"
    whole = graph.read_bytes()
    random = np.random.default_rng(0)
    image = np.zeros((1, 64, 64, 3), np.uint8)
    for _ in range(20):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 20)):
            content[place] = random.integers(0, 256)
        graph.write_bytes(content[: random.integers(1, len(whole) * 2)])
        with suppress(BundleError):
            load_detector(folder).detect_tiles(image)
    graph.write_bytes(whole)
    variables = folder / "variables" / "variables.data-00000-of-00001"
    os.truncate(variables, 3)
    with pytest.raises(BundleError, match="cannot be run"):
        load_detector(folder)


def test_a_damaged_tflite_file_is_a_bundle_error(
    tmp_path: Path, tflite_detector: Callable[[str], Path]
) -> None:
    whole = tflite_detector("uint8").read_bytes()
    path = tmp_path / "broken.tflite"
    for size in (0, 1, 8, 100, len(whole) // 2, len(whole) - 900):
        path.write_bytes(whole[:size])
        with pytest.raises(BundleError, match=r"broken\.tflite"):
            load_detector(path)
    # A network whose tensors have no readable names can be meant otherwise, but not be understood.
    path.write_bytes(whole.replace(b"PartitionedCall", b"\xffartitionedCall"))
    with pytest.raises(BundleError, match="not a valid TFLite network"):
        load_detector(path)


def test_saved_models_need_tensorflow_and_nothing_else_does(
    api_detector: Path, tflite_detector: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tflite_detector("uint8")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert load_detector(path).input_size == 64
    with pytest.raises(MissingExtraError, match=r"pip install 'galpipe\[train\]'"):
        load_detector(api_detector)


def test_other_networks_are_no_detectors(
    tmp_path: Path, save_model: Callable[..., Path], tiny_detector_bundle: Path
) -> None:
    with pytest.raises(BundleError, match="has no TFLite_Detection_PostProcess"):
        load_detector(tiny_detector_bundle / "model.tflite")
    with pytest.raises(BundleError, match="the input size is not fixed"):
        load_detector(_dynamic(tmp_path / "dynamic.tflite"))
    other = save_model(tmp_path / "other", lambda unit: {"logits": unit}, [1, 8, 8, 3])
    with pytest.raises(BundleError, match="has no output detection_boxes"):
        load_detector(other)
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(BundleError, match="not a regular file"):
        load_detector(tmp_path / "folder.tflite")


def _dynamic(path: Path) -> Path:
    import tensorflow as tf

    spec = tf.TensorSpec([1, None, None, 3], tf.float32)
    concrete = tf.function(tf.reduce_mean, input_signature=[spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    path.write_bytes(converter.convert())
    return path
