"""From a trained TF-Vision model to a LiteRT file."""

from __future__ import annotations

from typing import Any

from ..training.architectures import head_outputs
from .half_precision import halve_large_weights

__all__ = ["export_litert", "flat_heads"]


def export_litert(model: Any, input_size: int, anchors_per_cell: int) -> bytes:
    """Convert the heads of a model to a LiteRT file, its large weights in 16 bits.

    Parameters
    ----------
    model : RetinaNetModel
    input_size : int
    anchors_per_cell : int

    Returns
    -------
    bytes
        Input (N, S, S, 3), scaled; outputs class logits (N, A, classes) without the background,
        and box codes (N, A, 4).  Boxes are decoded and suppressed outside, several times faster
        than in the graph.
    """
    import tensorflow as tf

    def heads(images: Any) -> tuple[Any, Any]:
        return flat_heads(model, images, anchors_per_cell)

    # One image; LiteRT resizes the batch, since no shape inside depends on it.
    signature = tf.TensorSpec((1, input_size, input_size, 3), tf.float32)
    concrete = tf.function(heads).get_concrete_function(signature)
    # The variables alone: the converter would try to save the whole Keras model.
    holder = tf.Module()
    holder.kept = model.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    return halve_large_weights(converter.convert())


def flat_heads(model: Any, images: Any, anchors_per_cell: int) -> tuple[Any, Any]:
    """Return class logits (N, A, classes), without the background, and box codes (N, A, 4).

    Parameters
    ----------
    model : RetinaNetModel
    images : tensor, shape (N, S, S, 3)
        Scaled by :data:`~galpipe.detection.training.architectures.INPUT_SCALING`.
    anchors_per_cell : int
    """
    import tensorflow as tf

    logits, codes = head_outputs(model, images, training=False)

    def flat(levels: dict[str, Any]) -> Any:
        rows = []
        for level in levels.values():
            _, height, width, channels = level.shape
            rows.append(
                tf.reshape(
                    level, (-1, height * width * anchors_per_cell, channels // anchors_per_cell)
                )
            )
        return tf.concat(rows, axis=1)

    # Class 0 is the background.
    return flat(logits)[:, :, 1:], flat(codes)
