from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from galpipe.classification.training import backbone
from galpipe.classification.training.export import INPUT_SCALING, run_litert, to_litert
from galpipe.classification.training.finetune import split_at_first_trainable
from galpipe.classification.training.initial_weights import copy_weights
from galpipe.classification.training.members import check_members
from galpipe.configs import BACKBONE_PARTS, BackboneMember, ClassifierTraining, load_config
from galpipe.errors import ConfigError, InputError
from galpipe.models import Manifest, Member, write_bundle

pytestmark = pytest.mark.tensorflow

CROPS = np.random.default_rng(0).integers(0, 256, (2, 75, 75, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Model]:
    keras.utils.set_random_seed(0)
    return {name: backbone.build_backbone(name, 3, 75) for name in backbone.NETWORKS}


def first_convolution(model: keras.Model) -> keras.layers.Layer:
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))


def up_to_the_first_convolution(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs, first_convolution(model).output)


def test_sizes_are_those_of_keras(networks: dict[str, keras.Model]) -> None:
    # Parameters without the top, from the page "Keras Applications", and a last layer of 3 classes.
    known = {"resnet50": 23_587_712, "inception_v3": 21_802_784, "xception": 20_861_480}
    for name, model in networks.items():
        assert model.count_params() == known[name] + 3 * (2048 + 1)


@pytest.mark.parametrize("name", ["resnet50", "xception"])
def test_the_litert_file_scales_pixels_as_the_original_network(
    networks: dict[str, keras.Model], name: str
) -> None:
    network = networks[name]
    convolution = first_convolution(network)
    kept = convolution.get_weights()
    original = keras.layers.Conv2D(kept[0].shape[-1], kept[0].shape[0], use_bias=len(kept) == 2)
    original.build((None, 75, 75, 3))
    original.set_weights(kept)
    module = getattr(keras.applications, name)
    prepared = module.preprocess_input(CROPS.astype(np.float32))
    wanted = keras.ops.convert_to_numpy(original(prepared))
    if name == "resnet50":
        backbone.adapt_to_rgb(convolution)
    part = up_to_the_first_convolution(network)
    got = run_litert(to_litert(part, "float32"), CROPS)
    convolution.set_weights(kept)
    # Stride 2, and for ResNet50 a border of zeros, which are the mean colour.
    edge = 2 if name == "resnet50" else 0
    inner = got[:, edge : got.shape[1] - edge, edge : got.shape[2] - edge]
    shift = 2 * edge - 3 if name == "resnet50" else 0
    expected = wanted[:, shift::2, shift::2][:, : inner.shape[1], : inner.shape[2]]
    np.testing.assert_allclose(inner, expected, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("name", "part", "layer"),
    [
        ("resnet50", "conv4", "conv3_block4_out"),
        ("inception_v3", "mixed6", "mixed5"),
        # Its first activation is not on the shortcut around it.
        ("xception", "block5", "block5_sepconv1_act"),
    ],
)
def test_a_network_is_cut_between_its_blocks(
    networks: dict[str, keras.Model], name: str, part: str, layer: str
) -> None:
    model = networks[name]
    backbone.freeze_below(model, part)
    lower, upper = split_at_first_trainable(model)
    ends = model.get_layer(layer).input if "act" in layer else model.get_layer(layer).output
    assert lower.output is ends
    assert not lower.trainable_weights
    assert len(upper.weights) + len(lower.weights) == len(model.weights)


def test_each_part_trains_less_than_the_one_before(networks: dict[str, keras.Model]) -> None:
    for name, model in networks.items():
        counts: list[int] = []
        for part in BACKBONE_PARTS[name]:
            backbone.freeze_below(model, part)
            counts.append(len(model.trainable_weights))
        assert counts == sorted(set(counts), reverse=True)
        assert counts[-1] == 2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace ResNet50 by its first and last layers."""

    def build(**settings: Any) -> keras.Model:
        image = settings.get("input_tensor", keras.Input((None, None, 3)))
        x = keras.layers.Conv2D(4, 7, strides=2, name="conv1_conv")(image)
        x = keras.layers.BatchNormalization(name="conv1_bn")(x)
        pooled = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(keras.utils.get_source_inputs(pooled)[0], pooled)
        if settings["weights"] is not None:
            model.load_weights(settings["weights"])
        return model

    monkeypatch.setattr(keras.applications, "ResNet50", build)


@pytest.mark.usefixtures("small")
def test_weights_of_keras_and_of_a_training_are_a_start(tmp_path: Path) -> None:
    original = keras.applications.ResNet50(weights=None)
    original.save_weights(tmp_path / "notop.weights.h5")
    network = backbone.start_from_file("resnet50", 3, 32, tmp_path / "notop.weights.h5")
    kernel, bias = original.get_layer("conv1_conv").get_weights()
    adapted, kept = network.get_layer("conv1_conv").get_weights()
    np.testing.assert_allclose(adapted, kernel[:, :, ::-1] * 58, rtol=1e-5)
    np.testing.assert_array_equal(kept, bias)
    assert network.get_layer("conv1_bn").momentum == 0.9

    folder = tmp_path / "training"
    (folder / "resnet50").mkdir(parents=True)
    network.save(folder / "resnet50" / "model.keras")
    (folder / "bundle").mkdir()
    (folder / "bundle" / "galpipe-model.json").write_text("{}")
    for start in (folder, folder / "bundle", folder / "resnet50" / "model.keras"):
        again = backbone.start_from_file("resnet50", 3, 96, start)
        for one, two in zip(network.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    with pytest.raises(InputError, match=r"is no bundle, and has no .* xception/model\.keras"):
        backbone.start_from_file("xception", 3, 75, folder)
    (folder / "resnet50").rename(folder / "resnet50_1")
    network.save(folder / "resnet50_1" / "model.keras")
    assert backbone.start_from_file("resnet50", 3, 32, folder)
    (folder / "resnet50_2").mkdir()
    network.save(folder / "resnet50_2" / "model.keras")
    with pytest.raises(InputError, match=r"several networks; name one: .*resnet50_2/model\.keras"):
        backbone.start_from_file("resnet50", 3, 32, folder)


@pytest.mark.usefixtures("small")
def test_a_bundle_alone_is_a_start(tmp_path: Path) -> None:
    network = backbone.build_backbone("resnet50", 3, 32)
    rng = np.random.default_rng(0)
    network.set_weights([rng.uniform(0.1, 0.9, one.shape) for one in network.get_weights()])
    content = to_litert(network, "float16")
    manifest = Manifest(
        name="earlier",
        task="classifier",
        class_names=("a", "b", "c"),
        input_size=32,
        members=(Member(name="resnet50", file="network.tflite", scaling=INPUT_SCALING),),
    )
    write_bundle(tmp_path / "bundle", manifest, {"network.tflite": content}, "", {})
    restored = backbone.start_from_file("resnet50", 4, 40, tmp_path / "bundle")
    images = CROPS[:, :40, :40] / np.float32(255)
    wanted, given = (
        keras.ops.convert_to_numpy(model.get_layer("conv1_bn")(model.get_layer("conv1_conv")(x)))
        for model in (network, restored)
        for x in [network.get_layer("standardise")(images)]
    )
    np.testing.assert_allclose(given, wanted, rtol=0.01, atol=0.01)
    with pytest.raises(InputError, match="0 of its members have the architecture xception"):
        backbone.start_from_file("xception", 3, 75, tmp_path / "bundle")


def test_the_last_layer_of_other_classes_starts_anew() -> None:
    def network(classes: int, width: int = 4) -> keras.Model:
        inputs = keras.Input((5,))
        x = keras.layers.Dense(width)(inputs)
        return keras.Model(inputs, keras.layers.Dense(classes)(x))

    source, target = network(3), network(2)
    own = target.layers[-1].get_weights()
    copy_weights(source, target)
    np.testing.assert_array_equal(
        target.layers[1].get_weights()[0], source.layers[1].get_weights()[0]
    )
    np.testing.assert_array_equal(target.layers[-1].get_weights()[0], own[0])
    with pytest.raises(ValueError, match="shape"):
        copy_weights(network(3, width=6), target)


@pytest.mark.usefixtures("small")
def test_wrong_starts_are_told(tmp_path: Path) -> None:
    def start(name: str) -> keras.Model:
        return backbone.start_from_file("resnet50", 3, 32, tmp_path / name)

    with pytest.raises(InputError, match=r"missing\.h5: no such file of initial weights"):
        start("missing.h5")
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(InputError, match=r"text\.h5: does not contain the weights of ResNet50"):
        start("text.h5")
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["weights"] = h5py.ExternalLink("other.h5", "weights")
    with pytest.raises(InputError, match="refers to data in other files"):
        start("linked.h5")


def training(size: int, **settings: Any) -> ClassifierTraining:
    member = {"architecture": "xception", "initial_weights": "none"} | settings
    content = {"data": [{"images": "a", "kind": "folders"}], "members": [member]}
    return ClassifierTraining.model_validate(content | {"input_size": size})


def test_settings_that_do_not_fit_are_told_before_the_training() -> None:
    with pytest.raises(ConfigError, match="Xception takes images of at least 71 pixels"):
        check_members(training(69))
    check_members(training(71))
    with pytest.raises(ValueError, match=r"no part 'conv4' .* stem, block2, block3"):
        training(71, fine_tune_from="conv4")
    with pytest.raises(ValueError, match="stem freezes none"):
        training(71, stock_epochs=1)


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**arguments: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(keras.applications, "ResNet50", refuse)
    member = BackboneMember(architecture="resnet50")
    with pytest.raises(ConfigError, match=r"ResNet50 could not .*no network.*notop\.h5"):
        backbone._build(member, 3, 32)


def test_presets_have_the_published_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    for name in (*backbone.NETWORKS, "efficientnet_lite0"):
        config = load_config(f"configs/published/{name}.yaml", ClassifierTraining)
        (member,) = config.members
        assert member.architecture == config.name == name
        assert member.optimizer == "sgd"  # type: ignore[union-attr]
        assert member.learning_rate_schedule == "steps"  # type: ignore[union-attr]
        assert config.division.test_fraction == pytest.approx(0.1)
