"""Make the tiny LiteRT networks of the tests, which then run without TensorFlow.

    python tests/networks/make_networks.py

writes the ``.tflite`` files beside this script; needed only where a network changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from galpipe.classification.training.vote_head import DecisionTree
from galpipe.datasets.votes.vote_trees import VOTE_TREES

SIDE = 64


def tiny_detector(image: Any) -> tuple[Any, Any]:
    """Detect blocks brighter than half, by one anchor in each cell of 8 pixels."""
    light = tf.nn.avg_pool2d(tf.reduce_mean(image, axis=-1, keepdims=True), 8, 8, "VALID")
    logits = tf.reshape((light - 0.5) * 20.0, [1, -1, 1])
    return logits, tf.zeros_like(tf.tile(logits, [1, 1, 4]))


def star_galaxy(image: Any) -> tuple[Any, Any]:
    """Detect blocks brighter than half: blue ones as stars, others as galaxies."""
    colour = tf.nn.avg_pool2d(image, 8, 8, "VALID")
    light = (tf.reduce_mean(colour, axis=-1, keepdims=True) - 0.5) * 20.0
    blue = tf.nn.relu(colour[..., 2:] - colour[..., :1] - 0.1) * 100.0
    galaxy, star = light - blue, light + blue - 30.0
    logits = tf.reshape(tf.concat([galaxy, tf.minimum(star, light)], axis=-1), [1, -1, 2])
    return logits, tf.zeros_like(tf.tile(logits, [1, 1, 2]))


def decided(image: Any) -> Any:
    """Classify by the strongest colour: dark, red, green, blue."""
    colour = tf.reduce_mean(image, axis=[1, 2])
    return tf.nn.softmax(tf.concat([0.1 + 0.0 * colour[:, :1], colour], axis=1) * 20.0)


def undecided(image: Any) -> Any:
    """Give four classes the same probability."""
    return tf.nn.softmax(tf.zeros([1, 4]) * tf.reduce_mean(image, axis=[1, 2, 3])[:, None])


def quadrants(image: Any) -> Any:
    """Classify by a dense layer on the colours of the four quadrants: dark, red, green, blue."""
    features = tf.reshape(tf.nn.avg_pool2d(image, 8, 8, "VALID"), [-1, 12])
    weights = tf.concat([tf.fill([3, 1], -1.0), tf.eye(3)], axis=1)
    return tf.nn.softmax(tf.matmul(features, tf.tile(weights, [4, 1])) * 5.0)


def questions(image: Any) -> Any:
    """Combine the classes of `quadrants` to two by another dense layer: dark, coloured."""
    sums = tf.constant([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    return tf.matmul(quadrants(image), sums)


def votes(image: Any) -> Any:
    """Predict votes of Galaxy Zoo 2: red is round, blue an edge-on disc, green a star."""
    tree = VOTE_TREES["galaxy_zoo_2"]
    colour = tf.reduce_mean(image, axis=[1, 2])
    weights = np.zeros((3, len(tree.answers)), np.float32)
    red, green, blue = weights
    red[[tree.columns.index(name) for name in ("Class1.1", "Class7.1", "Class6.2")]] = 8
    blue[
        [tree.columns.index(name) for name in ("Class1.2", "Class2.1", "Class9.1", "Class6.2")]
    ] = 8
    green[tree.columns.index("Class1.3")] = 8
    answers = [len(question.answers) for question in tree.questions.values()]
    return DecisionTree(answers, list(tree.leading.values()))(tf.matmul(colour, weights))


def convert(function: Callable[[Any], Any], shape: list[int | None]) -> bytes:
    """Return a function of images as a LiteRT network."""
    traced = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [traced.get_concrete_function()], tf.Module()
    )
    content = converter.convert()
    assert isinstance(content, bytes)
    return content


if __name__ == "__main__":
    for network in (tiny_detector, star_galaxy, decided, undecided, quadrants, questions, votes):
        shape = [1, SIDE, SIDE, 3] if network in (tiny_detector, star_galaxy) else [None, 16, 16, 3]
        file = Path(__file__).parent / f"{network.__name__}.tflite"
        file.write_bytes(convert(network, shape))
