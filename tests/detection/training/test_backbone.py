from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.training.architectures import build_model
from galpipe.detection.training.backbone import load_backbone
from galpipe.detection.training.starting_point import refresh_statistics
from galpipe.errors import InputError

pytestmark = pytest.mark.tensorflow

pytest.importorskip("official", exc_type=ImportError)

SIDE = 64


class Given(NamedTuple):
    """A backbone to fill, and a network of Keras with random weights and statistics."""

    architecture: str
    backbone: Any
    level: str
    expected: Any
    path: Path


@pytest.fixture(scope="module", params=["ssd_mobilenet", "efficientdet_d0"])
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Given:
    import keras

    keras.utils.set_random_seed(1)
    if request.param == "ssd_mobilenet":
        network, level, last = keras.applications.MobileNetV2, "6", "out_relu"
    else:
        network, level, last = keras.applications.EfficientNetB0, "5", "block7a_project_bn"
    model = network(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        arrays = layer.get_weights()
        if len(arrays) == 4:
            layer.set_weights([array + rng.uniform(0, 0.3, array.shape) for array in arrays])
        elif isinstance(layer, keras.layers.Normalization):
            # ImageNet's colours; Keras's own file is taken with the same.
            mean, variance = np.array([0.485, 0.456, 0.406]), np.square([0.229, 0.224, 0.225])
            layer.set_weights([mean, variance, np.array(0)])
            layer.finalize_state()
    path = tmp_path_factory.mktemp("weights") / "network.weights.h5"
    model.save_weights(path)
    config = DetectorTraining.model_validate(
        {
            "architecture": request.param,
            "data": [{"images": "images", "annotations": "annotations"}],
            "input_size": SIDE,
            "anchors": {"max_level": 4},
        }
    )
    _, detector = build_model(config)
    output = keras.Model(model.input, model.get_layer(last).output)
    # MobileNetV2 of Keras takes pixels from -1 to 1, EfficientNet from 0 to 255.
    pixels = _images() if request.param == "ssd_mobilenet" else (_images() + 1) * 127.5
    expected = np.asarray(output(pixels, training=False))
    return Given(request.param, detector.backbone, level, expected, path)


def _images() -> np.ndarray:
    return np.random.default_rng(2).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)


def test_it_computes_what_keras_does(given: Given) -> None:
    load_backbone(given.backbone, given.architecture, given.path)
    found = given.backbone(_images(), training=False)[given.level].numpy()
    assert given.expected.std() > 0.01
    np.testing.assert_allclose(found, given.expected, atol=1e-3)


def test_new_statistics_leave_inference_and_bring_training_to_it(given: Given) -> None:
    backbone = given.backbone
    load_backbone(backbone, given.architecture, given.path)
    images = _images()
    before = backbone(images, training=False)["5"].numpy()
    apart = np.abs(backbone(images, training=True)["5"].numpy() - before).max()
    load_backbone(backbone, given.architecture, given.path)
    refresh_statistics([backbone], lambda batch: backbone(batch, training=False), [images])
    after = backbone(images, training=False)["5"].numpy()
    np.testing.assert_allclose(after, before, atol=1e-3)
    together = np.abs(backbone(images, training=True)["5"].numpy() - after).max()
    assert together < 1e-3 < apart


def test_other_weights_are_refused(given: Given, tmp_path: Path) -> None:
    missing = tmp_path / "missing.weights.h5"
    with pytest.raises(InputError, match=r"missing\.weights\.h5"):
        load_backbone(given.backbone, given.architecture, missing)
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_bytes(b"no HDF5")
    name = {"ssd_mobilenet": "MobileNetV2", "efficientdet_d0": "EfficientNetB0"}
    with pytest.raises(InputError, match=name[given.architecture]):
        load_backbone(given.backbone, given.architecture, wrong)
