"""A network that takes windows of any size gives the results of the original."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.configs import Anchors
from galpipe.detection.export.windows import any_windows, free_bundle, free_windows
from galpipe.detection.load import load_detector
from galpipe.errors import BundleError
from galpipe.models import InputScaling, read_bundle
from galpipe.models.litert import LiteRTNetwork

pytestmark = pytest.mark.tensorflow

SIDE = 16
SCALING = InputScaling(scale=1 / 255, offset=0.0)
rng = np.random.default_rng(0)
FIRST, SECOND, HEAD = (
    rng.normal(0, 0.2, shape).astype(np.float32)
    for shape in ((3, 3, 3, 4), (3, 3, 4, 4), (3, 3, 4, 6))
)


def pyramid(image: Any) -> Any:
    """Two levels with one head of two rows a cell, the finer with the coarser added to it."""
    import tensorflow as tf

    fine = tf.nn.relu(tf.nn.conv2d(image, FIRST, 2, "SAME"))
    coarse = tf.nn.relu(tf.nn.conv2d(fine, SECOND, 2, "SAME"))
    fine += tf.image.resize(coarse, fine.shape[1:3], "nearest")
    rows = []
    for level in (fine, coarse):
        cells = level.shape[1] * level.shape[2]
        rows.append(tf.reshape(tf.nn.conv2d(level, HEAD, 1, "SAME"), (-1, 2 * cells, 3)))
    return tf.concat(rows, axis=1)


def convert(function: Callable[[Any], Any], height: int, width: int) -> bytes:
    import tensorflow as tf

    signature = tf.TensorSpec((1, height, width, 3), tf.float32)
    traced = tf.function(function).get_concrete_function(signature)
    content = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module()).convert()
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize(("height", "width"), [(SIDE, SIDE), (8, 32), (40, 24), (64, 4)])
def test_a_window_gives_what_a_network_of_its_size_gives(height: int, width: int) -> None:
    free = free_windows(convert(pyramid, SIDE, SIDE))
    assert free is not None
    image = rng.integers(0, 256, (1, height, width, 3)).astype(np.uint8)
    (expected,) = LiteRTNetwork(convert(pyramid, height, width), SCALING).run(image)
    (found,) = LiteRTNetwork(free, SCALING).run(image)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_second_time_changes_nothing() -> None:
    free = free_windows(convert(pyramid, SIDE, SIDE))
    assert free is not None
    assert any_windows(free, Anchors(max_level=2, min_level=1)) == (free, 4)


def test_a_network_that_pools_the_whole_image_keeps_its_size() -> None:
    def pooled(image: Any) -> Any:
        import tensorflow as tf

        return pyramid(image * tf.reduce_mean(image, axis=(1, 2), keepdims=True))

    content = convert(pooled, SIDE, SIDE)
    assert free_windows(content) is None
    assert any_windows(content, Anchors()) == (content, None)


def test_the_shipped_detector_takes_any_window() -> None:
    # In the middle of a window larger than a tile, boxes and scores are those of the square tile
    # around the same pixels.
    detector = load_detector("ssd_mobilenet")
    assert detector.window_step == 64
    y, x = np.mgrid[:448, :576]
    light = 220 * np.exp(-np.hypot((x - 300) / 6, (y - 215) / 4))
    picture = light[..., None] + rng.normal(12, 2, (448, 576, 3))
    window = np.clip(picture, 0, 255).astype(np.uint8)
    (whole,) = detector.detect_tiles(window[np.newaxis])
    (tile,) = detector.detect_tiles(window[np.newaxis, 64:384, 128:448])
    assert len(tile) == 1
    np.testing.assert_allclose(whole.boxes, tile.boxes + np.tile([128, 64], 2), atol=1.5)
    np.testing.assert_allclose(whole.scores, tile.scores, atol=0.05)


def test_a_bundle_is_copied_with_its_network_rewritten(tmp_path: Path) -> None:
    made = read_bundle(free_bundle("ssd_mobilenet", tmp_path / "copy"))
    made.verify()
    assert made.manifest.head is not None
    assert made.manifest.head.window_step == 64
    assert made.metrics()
    assert made.read("MODEL_CARD.md")
    with pytest.raises(BundleError, match="classifier"):
        free_bundle("galaxy10_cnn", tmp_path / "other")
