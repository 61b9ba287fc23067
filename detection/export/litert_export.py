"""Export of trained detectors to LiteRT files."""

from __future__ import annotations

from typing import Any

from ...models.litert_converter import open_converter
from ...models.litert_file import halve_large_weights
from ..training.architectures import head_outputs

__all__ = ["export_litert", "flat_heads"]


def export_litert(model: Any, input_size: int, anchors_per_cell: int) -> bytes:
    """Convert the heads of a model to a LiteRT file.

    Boxes are decoded and suppressed outside the graph, which is several times faster.

    Parameters
    ----------
    model : RetinaNetModel
    input_size : int
        Side S of the network's input, pixels.
    anchors_per_cell : int

    Returns
    -------
    bytes
        The input has shape (N, S, S, 3), scaled by
        :data:`~galpipe.detection.training.architectures.INPUT_SCALING`; the outputs are those of
        :func:`flat_heads`.
    """

    def heads(images: Any) -> tuple[Any, Any]:
        return flat_heads(model, images, anchors_per_cell)

    # LiteRT can resize the batch, as no shape inside the graph depends on it.
    converter = open_converter(heads, (1, input_size, input_size, 3), model.weights)
    return halve_large_weights(converter.convert())


def flat_heads(model: Any, images: Any, anchors_per_cell: int) -> tuple[Any, Any]:
    """Compute the raw outputs of all anchors, in the order of `multilevel_anchors`.

    Parameters
    ----------
    model : RetinaNetModel
    images : tensor, shape (N, S, S, 3)
        Scaled by :data:`~galpipe.detection.training.architectures.INPUT_SCALING`.
    anchors_per_cell : int

    Returns
    -------
    class_logits : tensor, shape (N, A, classes)
        Without the background.
    box_codes : tensor, shape (N, A, 4)
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
