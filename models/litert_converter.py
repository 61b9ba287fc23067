"""Convert functions of TensorFlow to LiteRT files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["open_converter"]


def open_converter(
    function: Callable[[Any], Any], input_shape: tuple[int | None, ...], variables: Sequence[Any]
) -> Any:
    """Return TensorFlow's converter of a function of images to a LiteRT file.

    Parameters
    ----------
    function : callable
        Function of a float32 tensor, which returns tensors.
    input_shape : tuple of int or None
        Shape of the tensor.
    variables : sequence of tf.Variable
        Variables of the function.

    Returns
    -------
    tf.lite.TFLiteConverter
        Its ``convert`` returns the content of the file, which has no named signature.
    """
    import tensorflow as tf

    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(input_shape, tf.float32))
    # Track the variables alone: given a Keras model, the converter would try to save it.
    holder = tf.Module()
    holder.kept = list(variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    # By default the function is saved as a SavedModel and loaded again, with its gradients, which
    # takes five times as long for the same network.
    converter.experimental_lower_to_saved_model = False
    return converter
