from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.backbone import load_backbone, refresh_statistics
from galpipe.detection.zoo import build_model
from galpipe.errors import InputError

pytest.importorskip("official", exc_type=ImportError)


@pytest.fixture(scope="module")
def backbone() -> Any:
    config = DetectorTraining.model_validate(
        {
            "data": [{"images": "images", "annotations": "annotations"}],
            "input_size": 224,
            "anchors": {"max_level": 4},
        }
    )
    _, model = build_model(config)
    return model.backbone


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Make a Keras MobileNetV2 with random weights and statistics, and its file."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        arrays = layer.get_weights()
        if len(arrays) == 4:
            layer.set_weights([array + rng.uniform(0, 0.3, array.shape) for array in arrays])
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    model.save_weights(path)
    return model, path


def _images() -> np.ndarray:
    return np.random.default_rng(2).uniform(-1, 1, (2, 224, 224, 3)).astype(np.float32)


def test_it_computes_what_keras_does(backbone: Any, weights: tuple[Any, Path]) -> None:
    model, path = weights
    load_backbone(backbone, path)
    expected = np.asarray(model(_images(), training=False))
    found = backbone(_images(), training=False)["6"].numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_new_statistics_leave_inference_and_bring_training_to_it(
    backbone: Any, weights: tuple[Any, Path]
) -> None:
    load_backbone(backbone, weights[1])
    images = _images()
    before = backbone(images, training=False)["5"].numpy()
    apart = np.abs(backbone(images, training=True)["5"].numpy() - before).max()
    load_backbone(backbone, weights[1])
    refresh_statistics(backbone, [images])
    after = backbone(images, training=False)["5"].numpy()
    np.testing.assert_allclose(after, before, atol=1e-3)
    together = np.abs(backbone(images, training=True)["5"].numpy() - after).max()
    assert together < 1e-3 < apart


def test_other_weights_are_refused(backbone: Any, tmp_path: Path) -> None:
    missing = tmp_path / "missing.weights.h5"
    with pytest.raises(InputError, match=r"missing\.weights\.h5"):
        load_backbone(backbone, missing)
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="MobileNetV2"):
        load_backbone(backbone, wrong)
