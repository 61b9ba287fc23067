"""Train in 16-bit arithmetic, where the processor is faster at it, for a network in 32 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

__all__ = ["computing_in", "in_float32"]


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Let networks that are built inside compute in a precision, such as "mixed_bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(model: keras.Model) -> keras.Model:
    """Return the same network, with the same weights, computing in 32 bits."""

    def plain(layer: keras.Layer) -> keras.Layer:
        return layer.__class__.from_config(layer.get_config() | {"dtype": "float32"})

    copied = keras.models.clone_model(model, clone_function=plain)
    copied.set_weights(model.get_weights())
    return copied
