from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import galpipe.configs
from galpipe.classification.training import cnn
from galpipe.classification.training import vgg16 as vgg
from galpipe.classification.training.losses import allowed_set_loss
from galpipe.classification.training.members import check_members
from galpipe.classification.training.simple_cnn import build_simple_cnn
from galpipe.configs import (
    BackboneMember,
    ClassifierTraining,
    CnnMember,
    EfficientNetLite0Member,
    GalaxyZooCnnMember,
    PcaLogisticMember,
    SimpleCnnMember,
    Vgg16Member,
    load_config,
)
from galpipe.errors import ConfigError, InputError

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def vgg16() -> keras.Model:
    return vgg.build_vgg16(9, 69)


def test_vgg16_has_the_published_size(vgg16: keras.Model) -> None:
    assert vgg16.count_params() == 14_846_409
    vgg.freeze_below(vgg16, "block5")
    assert sum(int(np.prod(w.shape)) for w in vgg16.trainable_weights) == 7_211_145
    vgg.freeze_below(vgg16, "top")
    assert sum(int(np.prod(w.shape)) for w in vgg16.trainable_weights) == 131_721
    vgg.freeze_below(vgg16, "block1")
    assert sum(int(np.prod(w.shape)) for w in vgg16.trainable_weights) == 14_846_409


def test_every_published_network_takes_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    rng = np.random.default_rng(0)
    images, labels = rng.random((2, 32, 32, 3), np.float32), labels_of(np.eye(4)[:2]).to_targets()
    for file in sorted((Path(galpipe.configs.__file__).parent / "published").glob("*.yaml")):
        (member, *_) = load_config(file, ClassifierTraining).members
        if isinstance(member, Vgg16Member):
            model = vgg.build_vgg16(4, 32)
            vgg.freeze_below(model, member.fine_tune_from)
        elif isinstance(member, SimpleCnnMember):
            model = build_simple_cnn(4, 32, member, deviation=0.1)
        elif isinstance(member, CnnMember):
            model = cnn.build_cnn(4, 32, member)
        else:
            # Networks of tests of their own, or without steps.
            others = (
                BackboneMember,
                EfficientNetLite0Member,
                GalaxyZooCnnMember,
                PcaLogisticMember,
            )
            assert isinstance(member, others)
            continue
        before = keras.ops.convert_to_numpy(model.trainable_weights[0])
        model.compile("rmsprop", loss=allowed_set_loss, run_eagerly=True)
        assert np.isfinite(model.train_on_batch(images, labels)), file.name
        after = keras.ops.convert_to_numpy(model.trainable_weights[0])
        assert not np.array_equal(before, after), file.name
        given = keras.ops.convert_to_numpy(model(images))
        np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5, err_msg=file.name)


def test_folded_norms_compute_the_same() -> None:
    rng = np.random.default_rng(0)
    source = vgg.build_vgg16_batch_norm(3, 32)
    for layer in source.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = len(layer.get_weights()[0])
            layer.set_weights(
                [
                    rng.uniform(0.8, 1.2, n),
                    rng.normal(0, 0.1, n),
                    rng.normal(0, 0.1, n),
                    rng.uniform(0.5, 2, n),
                ]
            )
    plain = vgg.build_vgg16(3, 32)
    vgg.fold_batch_norm(source, plain)
    images = rng.random((4, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(
        plain.predict(images, verbose=0), source.predict(images, verbose=0), atol=1e-4
    )


def test_every_cell_of_a_larger_view_gets_its_share_of_the_top(vgg16: keras.Model) -> None:
    source = vgg.build_vgg16_batch_norm(9, 45)
    vgg.fold_batch_norm(source, vgg16)
    small, _ = source.get_layer("dense").get_weights()
    large, _ = vgg16.get_layer("dense").get_weights()
    assert (small.shape, large.shape) == ((512, 64), (2048, 64))
    np.testing.assert_allclose(large.reshape(4, 512, 64).sum(axis=0), small, rtol=1e-5)


def test_imagenet_that_cannot_be_downloaded_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**arguments: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(keras.applications, "VGG16", refuse)
    with pytest.raises(ConfigError, match=r"no network.*initial_weights.*pretrain"):
        vgg.build_vgg16(3, 32, imagenet=True)


@pytest.mark.parametrize("architecture", ["vgg16", "resnet50", "inception_v3", "xception"])
def test_imagenet_is_downloaded_before_any_member_is_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, architecture: str
) -> None:
    def refuse(**arguments: object) -> None:
        raise OSError("no network")

    for name in ("VGG16", "ResNet50", "InceptionV3", "Xception"):
        monkeypatch.setattr(keras.applications, name, refuse)
    config = ClassifierTraining.model_validate(
        {
            "data": [{"images": tmp_path, "labels": tmp_path / "labels.csv"}],
            "members": [
                {"architecture": "cnn"},
                {"architecture": architecture, "initial_weights": "imagenet"},
            ],
            "input_size": 80,
        }
    )
    with pytest.raises(ConfigError, match=r"no network.*initial_weights"):
        check_members(config)


def test_imagenet_weights_see_blue_green_red_less_the_mean(
    vgg16: keras.Model, tmp_path: Path
) -> None:
    original = keras.applications.VGG16(include_top=False, weights=None)
    rng = np.random.default_rng(1)
    kernel, bias = original.get_layer("block1_conv1").get_weights()
    original.get_layer("block1_conv1").set_weights([kernel, rng.normal(size=bias.shape)])
    file = tmp_path / "vgg16_notop.weights.h5"
    original.save_weights(file)
    vgg.start_from_file(vgg16, file)
    rgb = rng.integers(0, 256, (1, 69, 69, 3)).astype(np.float32)
    wanted = keras.Model(original.input, original.get_layer("block1_conv1").output)(
        keras.applications.vgg16.preprocess_input(rgb.copy())
    )
    got = keras.Model(vgg16.input, vgg16.get_layer("block1_conv1").output)(rgb / 255)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(wanted), rtol=1e-3, atol=1e-2
    )


def test_convolutions_come_from_a_trained_model_of_any_number_of_classes(
    vgg16: keras.Model, tmp_path: Path
) -> None:
    other = vgg.build_vgg16(2, 32)
    other.save(tmp_path / "other.keras")
    vgg.start_from_file(vgg16, tmp_path / "other.keras")
    for name in ("block1_conv1", "block5_conv3"):
        for mine, theirs in zip(
            vgg16.get_layer(name).get_weights(), other.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)


def test_dense_layers_of_the_same_shapes_come_along(vgg16: keras.Model, tmp_path: Path) -> None:
    own = vgg16.get_layer("dense").get_weights()[0]
    vgg.build_vgg16(10, 69).save(tmp_path / "same.keras")
    vgg.build_vgg16(10, 96).save(tmp_path / "larger.keras")
    vgg.start_from_file(vgg16, tmp_path / "larger.keras")
    np.testing.assert_array_equal(vgg16.get_layer("dense").get_weights()[0], own)
    vgg.start_from_file(vgg16, tmp_path / "same.keras")
    assert not np.array_equal(vgg16.get_layer("dense").get_weights()[0], own)


@pytest.mark.parametrize("name", ["missing.keras", "text.keras", "text.h5"])
def test_unusable_weights_are_named(vgg16: keras.Model, tmp_path: Path, name: str) -> None:
    if name.startswith("text"):
        (tmp_path / name).write_text("no weights")
    with pytest.raises(InputError, match=name):
        vgg.start_from_file(vgg16, tmp_path / name)
