from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.distillation import label_by_teacher
from galpipe.classification.training.sources import Sources

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


def cutouts(labels: list[list[float]]) -> Cutouts:
    count = len(labels)
    images = np.full((count, CACHE_SIZE, CACHE_SIZE, 3), 10, np.uint8)
    boxes = np.tile([60.0, 60.0, 130.0, 130.0], (count, 1))
    paths = tuple(Path(f"{number}.png") for number in range(count))
    return Cutouts(paths, images, labels_of(np.reshape(labels, (count, 3))), boxes)


def teacher() -> keras.Model:
    """A network that says 0.2, 0.2, 0.6 of everything."""
    inputs = keras.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(inputs)
    outputs = layers.Dense(3, activation="softmax", kernel_initializer="zeros")(features)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((3, 3), np.float32)
    model.layers[-1].set_weights([kernel, np.log(np.array([0.2, 0.2, 0.6], np.float32))])
    return model


def test_open_labels_are_filled_in_within_what_they_allow() -> None:
    own = cutouts([[1, 0, 0]])
    extra = cutouts([[1, 1, 1], [0, 1, 1], [0, 1, 0], [0.7, 0.1, 0.2]])
    result = label_by_teacher(Sources(own, own, own, extra, {}), teacher(), 32, 1.5)
    wanted = [[0.2, 0.2, 0.6], [0, 0.25, 0.75], [0, 1, 0], [0.7, 0.1, 0.2]]
    np.testing.assert_allclose(result.extra.labels.values, wanted, atol=1e-6)
    assert not result.extra.labels.is_set.any()
    assert result.train is own
    np.testing.assert_array_equal(extra.labels.values[0], [1, 1, 1])


def test_without_extra_images_there_is_nothing_to_teach() -> None:
    own = cutouts([[1, 0, 0]])
    sources = Sources(own, own, own, cutouts([]), {})
    assert label_by_teacher(sources, teacher(), 32, 1.5) is sources
