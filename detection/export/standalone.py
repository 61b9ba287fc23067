"""Detectors as standalone models: scores, decoded boxes, and their suppression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ...imaging import Detections
from ...models.standalone.keras_network import keras_network
from ...models.standalone.litert_graph import read_litert_graph
from ...models.standalone.targets import Arrays, StandaloneModel
from ..anchors import LARGEST_LOG_SIDE, multilevel_anchors
from ..detector import Detector, best_boxes
from .parity import DetectorParity, compare_detections

__all__ = ["MOST_BOXES", "compare_standalone", "outputs_of", "standalone_detector"]

MOST_BOXES = 300
"""Largest number of boxes of one image, three times that of COCO, for crowded fields."""

_BOXES, _SCORES, _CLASSES, _COUNT = (
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "num_detections",
)
_RAW_BOXES, _RAW_SCORES = "raw_detection_boxes", "raw_detection_scores"
# Sides, in units of the image, below which a logarithm could overflow.
_SMALLEST_SIDE = 1e-6


def standalone_detector(detector: Detector) -> StandaloneModel:
    """Return the network of a detector from pixels to boxes.

    Scores are calibrated, boxes decoded and clipped to the image, in all formats.  Boxes are
    suppressed in all formats but Keras, which has no operation for it.  Boxes are not refined.

    Parameters
    ----------
    detector : Detector

    Returns
    -------
    StandaloneModel
        See `outputs_of` for its outputs.

    Raises
    ------
    ValueError
        If the network cannot be written with standard layers.
    """
    (member,) = detector.bundle.manifest.members
    graph = read_litert_graph(detector.bundle.read(member.file))
    images = keras.Input((detector.input_size, detector.input_size, 3), dtype="uint8")
    scaled = layers.Rescaling(member.scaling.scale, member.scaling.offset)(images)
    logits, codes = keras_network(graph)(scaled)
    calibration = detector.head.calibration
    outputs = {
        _RAW_BOXES: _decoded(codes, detector),
        _RAW_SCORES: ops.sigmoid(logits * calibration.slope + calibration.intercept),
    }

    def suppress(found: dict[str, Any]) -> dict[str, Any]:
        return _suppressed(found[_RAW_BOXES], _best_alone(found[_RAW_SCORES]), detector)

    def suppress_in_litert(found: dict[str, Any]) -> dict[str, Any]:
        return _post_processed(found[_RAW_BOXES], _best_alone(found[_RAW_SCORES]), detector)

    return StandaloneModel(
        network=keras.Model(images, outputs, name="detector"),
        endings={"saved_model": suppress, "onnx": suppress, "tflite": suppress_in_litert},
        single=frozenset({"tflite"}),
        storage=graph.storage,
    )


def outputs_of(target: str) -> dict[str, str]:
    """Describe the outputs of a standalone detector.

    Parameters
    ----------
    target : str
        Name of the format.
    """
    edges = "ymin, xmin, ymax, xmax as fractions of the image"
    if target == "keras":
        return {
            _RAW_BOXES: f"(N, A, 4): box of every anchor, {edges}; not suppressed",
            _RAW_SCORES: "(N, A, C): calibrated score of every anchor for each class",
        }
    return {
        _BOXES: f"(N, {MOST_BOXES}, 4): {edges}; best score first",
        _SCORES: f"(N, {MOST_BOXES}): calibrated scores, 0 after the last box",
        _CLASSES: f"(N, {MOST_BOXES}): number of the class, the first being {_first_class(target)}",
        _COUNT: "(N): number of boxes",
    }


def compare_standalone(
    detector: Detector,
    target: str,
    run: Callable[[NDArray[np.uint8]], Arrays],
    tiles: NDArray[np.uint8],
) -> DetectorParity:
    """Compare the detections of a standalone model with those of its detector.

    Boxes above the score threshold are compared, or all if there are none.

    Parameters
    ----------
    detector : Detector
    target : str
        Name of the format.
    run : function
        Runs the standalone model on tiles.
    tiles : ndarray of uint8, shape (N, S, S, 3)
    """
    pairs = [
        (expected, _detections(run(tile[np.newaxis]), detector, target))
        for tile, expected in zip(
            tiles, detector.detect_tiles(tiles, detector.lowest_score), strict=True
        )
    ]
    parity = compare_detections(pairs, detector.score_threshold, detector.input_size)
    return parity if parity.boxes else compare_detections(pairs, 0.0, detector.input_size)


def _first_class(target: str) -> int:
    """Return the number of the first class, by the convention of a format."""
    return 0 if target == "tflite" else 1


def _detections(found: Arrays, detector: Detector, target: str) -> Detections:
    """Return the outputs of a standalone model for one tile as detections."""
    size = detector.input_size
    if _RAW_BOXES in found:
        boxes = np.asarray(found[_RAW_BOXES][0][:, [1, 0, 3, 2]], np.float64) * size
        scores = np.asarray(found[_RAW_SCORES][0], np.float64)
        threshold, overlap = detector.lowest_score, detector.head.iou_threshold
        return best_boxes(scores, boxes, (size, size), threshold, overlap)
    count = int(found[_COUNT][0])
    return Detections(
        np.asarray(found[_BOXES][0, :count][:, [1, 0, 3, 2]], np.float64) * size,
        np.asarray(found[_SCORES][0, :count], np.float64),
        found[_CLASSES][0, :count].astype(np.int64) - _first_class(target),
    )


def _decoded(codes: Any, detector: Detector) -> Any:
    """Decode box codes to ``ymin, xmin, ymax, xmax`` as fractions of the image, clipped to it.

    As `~galpipe.detection.anchors.decode_boxes` does.
    """
    size = detector.input_size
    anchors = multilevel_anchors(detector.head.anchors, size)[:, [1, 0, 3, 2]]
    sides = (anchors[:, 2:] - anchors[:, :2]).astype(np.float32)
    centres = ((anchors[:, :2] + anchors[:, 2:]) / 2).astype(np.float32)
    middle = codes[..., :2] * sides + centres
    half = ops.exp(ops.minimum(codes[..., 2:], LARGEST_LOG_SIDE)) * (sides / 2)
    edges = ops.concatenate([middle - half, middle + half], axis=-1)
    return ops.clip(edges / size, 0.0, 1.0)


def _best_alone(scores: Any) -> Any:
    """Set the scores of an anchor to 0, except that of its best class."""
    import tensorflow as tf

    if scores.shape[-1] == 1:
        return scores
    return scores * tf.one_hot(tf.argmax(scores, axis=-1), scores.shape[-1])


def _suppressed(boxes: Any, scores: Any, detector: Detector) -> dict[str, Any]:
    """Suppress boxes class by class, with the outputs of the TF Object Detection API."""
    import tensorflow as tf

    found = tf.image.combined_non_max_suppression(
        boxes[:, :, tf.newaxis],
        scores,
        MOST_BOXES,
        MOST_BOXES,
        detector.head.iou_threshold,
        detector.lowest_score,
        clip_boxes=False,
    )
    kept, best, classes, count = found
    return {
        _BOXES: kept,
        _SCORES: best,
        _CLASSES: classes + 1.0,
        _COUNT: tf.cast(count, tf.float32),
    }


def _post_processed(boxes: Any, scores: Any, detector: Detector) -> dict[str, Any]:
    """Suppress boxes with the operation ``TFLite_Detection_PostProcess``.

    The operation decodes boxes itself, but does not clip them to the image before it compares
    them: the clipped boxes are coded relative to an anchor that is the image.
    """
    import tensorflow as tf

    count, classes = scores.shape[1:]
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], _SMALLEST_SIDE)
    codes = tf.concat([middle, tf.math.log(sides)], axis=-1)
    anchors = np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
    attributes = {
        "max_detections": f"i: {MOST_BOXES}",
        "max_classes_per_detection": "i: 1",
        "detections_per_class": f"i: {MOST_BOXES}",
        # Without it, boxes of different classes suppress each other.
        "use_regular_nms": f"b: {str(classes > 1).lower()}",
        "nms_score_threshold": f"f: {detector.lowest_score}",
        "nms_iou_threshold": f"f: {detector.head.iou_threshold}",
        "num_classes": f"i: {classes}",
        **dict.fromkeys(("y_scale", "x_scale", "h_scale", "w_scale"), "f: 1.0"),
    }
    listed = [f'attr {{ key: "{name}" value {{ {value} }} }}' for name, value in attributes.items()]

    # The converter replaces a function that is marked so by the operation of that name.
    mark = "\n".join(['name: "TFLite_Detection_PostProcess"', *listed])

    @tf.function(autograph=False, experimental_implements=mark)
    def post_process(box_encodings: Any, class_predictions: Any, anchors: Any) -> Any:
        shapes = ((1, MOST_BOXES, 4), (1, MOST_BOXES), (1, MOST_BOXES), (1,))
        return tuple(tf.zeros(shape) for shape in shapes)

    kept, class_ids, best, found = post_process(codes, scores, tf.constant(anchors))
    return {_BOXES: kept, _CLASSES: class_ids, _SCORES: best, _COUNT: found}
