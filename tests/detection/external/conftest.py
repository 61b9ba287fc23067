"""Small detectors with the signatures that others export.

Each finds squares of 16 pixels at multiples of 8: red ones as its first class, blue ones as its
second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 64
# What the converter must see to put the operation in place of the function.
_POST_PROCESS = """
name: "TFLite_Detection_PostProcess"
attr { key: "max_detections" value { i: 10 } }
attr { key: "max_classes_per_detection" value { i: 1 } }
attr { key: "use_regular_nms" value { b: false } }
attr { key: "nms_score_threshold" value { f: 0.0 } }
attr { key: "nms_iou_threshold" value { f: 0.3 } }
attr { key: "y_scale" value { f: 10.0 } }
attr { key: "x_scale" value { f: 10.0 } }
attr { key: "h_scale" value { f: 5.0 } }
attr { key: "w_scale" value { f: 5.0 } }
attr { key: "num_classes" value { i: 2 } }
"""


def _anchors() -> np.ndarray:
    """Centre y and x, height and width of each place, as shares of the picture."""
    centres = (np.arange(7) * 8 + 8) / SIDE
    y, x = np.meshgrid(centres, centres, indexing="ij")
    sides = np.full_like(y, 16 / SIDE)
    return np.stack([y, x, sides, sides], axis=-1).reshape(-1, 4).astype(np.float32)


def _class_scores(unit: Any) -> Any:
    """Scores (1, A, 2) of a picture with values in 0..1."""
    import tensorflow as tf

    colours = tf.stack([unit[..., 0] - unit[..., 2], unit[..., 2] - unit[..., 0]], axis=-1)
    light = tf.nn.avg_pool2d(colours, 16, 8, "VALID")
    return tf.sigmoid(tf.reshape((light - 0.7) * 20.0, [1, -1, 2]))


@pytest.fixture(scope="session")
def tflite_detector(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a TFLite export of the TF Object Detection API with an input of a kind of number."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind) / "squares.tflite"
            made[kind].write_bytes(_tflite(kind))
        return made[kind]

    return make


def _tflite(kind: str) -> bytes:
    import tensorflow as tf

    to_unit = {"float32": (0.5, 0.5), "uint8": (1 / 255, 0.0), "int8": (1 / 255, 128 / 255)}[kind]

    @tf.function(autograph=False, experimental_implements=_POST_PROCESS)  # type: ignore[untyped-decorator]
    def post_process(box_encodings: Any, class_predictions: Any, anchors: Any) -> Any:
        shapes = ((1, 10, 4), (1, 10), (1, 10), (1,))
        return tuple(tf.zeros(shape) for shape in shapes)

    def network(image: Any) -> Any:
        scores = _class_scores(tf.cast(image, tf.float32) * to_unit[0] + to_unit[1])
        background = tf.zeros_like(scores[..., :1])
        codes = tf.tile(background * scores[..., :1], [1, 1, 4])
        scores = tf.concat([background, scores], axis=-1)
        return post_process(codes, scores, tf.constant(_anchors()))

    spec = tf.TensorSpec([1, SIDE, SIDE, 3], kind, name="normalized_input_image_tensor")
    concrete = tf.function(network, input_signature=[spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    converter.allow_custom_ops = True
    content = converter.convert()
    assert isinstance(content, bytes)
    return content


def _save_model(folder: Path, network: Callable[[Any], Any], shape: list[int | None]) -> Path:
    """Save a function of 8-bit pictures as a SavedModel with one variable."""
    import tensorflow as tf

    module = tf.Module()
    module.gain = tf.Variable(2.0)

    def serve(image: Any) -> Any:
        # Half of what the variable doubles: unless it is restored, nothing is found.
        return network(tf.cast(image, tf.float32) / 255 * 0.5 * module.gain)

    spec = tf.TensorSpec(shape, tf.uint8, name="input_tensor")
    module.serve = tf.function(serve, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


def _suppressed(unit: Any) -> tuple[Any, Any, Any, Any]:
    """Normalised boxes, scores, classes from 0 and their number, of a picture of side 64."""
    import tensorflow as tf

    centres, sides = _anchors()[:, :2], _anchors()[:, 2:]
    boxes = tf.constant(np.concatenate([centres - sides / 2, centres + sides / 2], axis=1))
    return tuple(
        tf.image.combined_non_max_suppression(
            boxes[tf.newaxis, :, tf.newaxis], _class_scores(unit), 10, 10, 0.3, 0.01
        )
    )


@pytest.fixture(scope="session")
def save_model() -> Callable[..., Path]:
    """Save ``network(picture in 0..1)`` as a SavedModel: arguments folder, network, shape."""
    return _save_model


@pytest.fixture(scope="session")
def api_detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModel as the TF Object Detection API exports it, packed as the Model Zoo does."""
    import tensorflow as tf

    def network(unit: Any) -> Any:
        boxes, scores, classes, count = _suppressed(unit)
        return {
            "detection_boxes": boxes,
            "detection_scores": scores,
            "detection_classes": classes + 1.0,
            "num_detections": tf.cast(count, tf.float32),
            "raw_detection_scores": _class_scores(unit),
        }

    folder = tmp_path_factory.mktemp("api") / "ssd_squares"
    _save_model(folder / "saved_model", network, [1, SIDE, SIDE, 3])
    (folder / "label_map.pbtxt").write_text(
        "item { id: 1 name: 'star' } item { id: 2 name: 'galaxy' }"
    )
    return folder


@pytest.fixture(scope="session")
def vision_detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModel as TF-Vision exports it: pictures of any size, boxes in pixels of its own."""
    import tensorflow as tf

    def resize(image: Any) -> tuple[Any, Any]:
        height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
        info = [[height, width], [SIDE, SIDE], [SIDE / height, SIDE / width], [0.0, 0.0]]
        return tf.image.resize(image, (SIDE, SIDE)), tf.convert_to_tensor(info)

    def network(unit: Any) -> Any:
        specs = (tf.TensorSpec([SIDE, SIDE, 3]), tf.TensorSpec([4, 2]))
        images, info = tf.map_fn(resize, unit, fn_output_signature=specs)
        boxes, scores, classes, count = _suppressed(images)
        return {
            "detection_boxes": boxes * SIDE,
            "detection_scores": scores,
            "detection_classes": tf.cast(classes + 1.0, tf.int32),
            "num_detections": count,
            "image_info": info,
        }

    return _save_model(tmp_path_factory.mktemp("vision") / "squares", network, [1, None, None, 3])
