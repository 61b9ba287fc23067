from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from galpipe.classification.training.keras_reader import read_keras_network
from galpipe.errors import InputError

pytestmark = pytest.mark.tensorflow

PICTURES = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    model = network()
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.save(folder / "good.keras")
    model.save(folder / "good.h5")
    return folder


def rewritten(source: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """Write a file whose description of layers is changed."""
    if source.suffix == ".h5":
        target.write_bytes(source.read_bytes())
        with h5py.File(target, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return target
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return target


@pytest.mark.parametrize("name", ["good.keras", "good.h5"])
def test_a_network_computes_what_it_was_saved_with(saved: Path, name: str) -> None:
    read = read_keras_network(saved / name)
    given = read(PICTURES, training=False)
    np.testing.assert_allclose(given, network()(PICTURES, training=False), atol=1e-6)


def test_a_file_in_the_layout_of_keras_2_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernel, bias = rng.random((12, 3), np.float32), rng.random(3, np.float32)
    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    zeros = {"class_name": "Zeros", "config": {}}
    common = {"trainable": True, "dtype": "float32"}
    dense = {"units": 3, "activation": "softmax", "use_bias": True, "kernel_initializer": glorot}
    dense |= {"bias_initializer": zeros, "kernel_regularizer": None, "bias_constraint": None}
    pooling = {"pool_size": [4, 4], "padding": "valid", "strides": [4, 4]}
    described = [
        ("InputLayer", {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "input"}),
        ("MaxPooling2D", {"name": "pool", **common, **pooling, "data_format": "channels_last"}),
        ("Flatten", {"name": "flatten", **common, "data_format": "channels_last"}),
        ("Dense", {"name": "dense", **common, **dense}),
    ]
    stack = [{"class_name": name, "config": config} for name, config in described]
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": stack}}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["keras_version"] = b"2.4.0"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        weights = file.create_group("model_weights")
        weights.attrs["keras_version"] = b"2.4.0"
        weights.attrs["backend"] = b"tensorflow"
        weights.attrs["layer_names"] = [b"pool", b"flatten", b"dense"]
        for name in ("pool", "flatten", "dense"):
            weights.create_group(name).attrs["weight_names"] = np.array([], "S1")
        weights["dense"].attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        weights["dense"]["dense/kernel:0"] = kernel
        weights["dense"]["dense/bias:0"] = bias
    given = np.asarray(read_keras_network(tmp_path / "old.h5")(PICTURES))
    pooled = PICTURES.reshape(3, 2, 4, 2, 4, 3).max(axis=(2, 4)).reshape(3, 12)
    powers = np.exp(pooled @ kernel + bias)
    np.testing.assert_allclose(given, powers / powers.sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_is_refused_and_its_code_not_run(tmp_path: Path, suffix: str) -> None:
    mark = tmp_path / "ran"
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Lambda(lambda x, to=str(mark): (open(to, "w").close(), x)[1])(inputs)
    mark.unlink()
    file = tmp_path / f"evil{suffix}"
    keras.Model(inputs, layers.Flatten()(hidden)).save(file)
    with pytest.raises(InputError, match=rf"evil\{suffix}: uses 'Lambda'.*do not trust"):
        read_keras_network(file)
    assert not mark.exists()


def first_layer(config: Any) -> Any:
    return config["config"]["layers"][1]


def foreign_module(config: Any) -> None:
    first_layer(config)["module"] = "os"


def own_layer(config: Any) -> None:
    first_layer(config)["registered_name"] = "theirs>Conv2D"


def function_as_activation(config: Any) -> None:
    first_layer(config)["config"]["activation"] = {
        "module": "builtins",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
    }


def reader_of_files(config: Any) -> None:
    first_layer(config)["class_name"] = "TFSMLayer"


def no_name(config: Any) -> None:
    first_layer(config)["class_name"] = ["Conv2D"]


def whole_model(config: Any) -> None:
    config["class_name"] = "Theirs"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    "change",
    [foreign_module, own_layer, function_as_activation, reader_of_files, no_name, whole_model],
)
def test_what_is_not_of_keras_is_refused(
    saved: Path, tmp_path: Path, suffix: str, change: Callable[[Any], None]
) -> None:
    file = rewritten(saved / f"good{suffix}", tmp_path / f"evil{suffix}", change)
    with pytest.raises(InputError, match="not one of the layers of Keras"):
        read_keras_network(file)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_broken_descriptions_are_input_errors(saved: Path, tmp_path: Path, suffix: str) -> None:
    def negative(config: Any) -> None:
        first_layer(config)["config"]["filters"] = -1

    def other_shape(config: Any) -> None:
        first_layer(config)["config"]["filters"] = 5

    def empty(config: Any) -> None:
        config["config"].clear()

    def listed(config: Any) -> None:
        config["config"]["layers"] = "none"

    for change in (negative, other_shape, empty, listed):
        file = rewritten(saved / f"good{suffix}", tmp_path / f"bad{suffix}", change)
        with pytest.raises(InputError, match="cannot be read as a Keras network"):
            read_keras_network(file)


def test_weights_in_other_files_are_refused(saved: Path, tmp_path: Path) -> None:
    for name in ("link", "raw"):
        file = tmp_path / f"{name}.h5"
        file.write_bytes((saved / "good.h5").read_bytes())
        with h5py.File(file, "r+") as content:
            if name == "link":
                content["model_weights/more"] = h5py.ExternalLink("/etc/passwd", "/")
            else:
                content.create_dataset("raw", (8,), "u1", external=[("/etc/passwd", 0, 8)])
        with pytest.raises(InputError, match="refers to data in other files"):
            read_keras_network(file)


def test_more_in_an_archive_than_a_network_is_refused(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.keras"
    file.write_bytes((saved / "good.keras").read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("assets/../../evil.txt", "evil")
    with pytest.raises(InputError, match=r"contains assets/.*not exactly"):
        read_keras_network(file)


def test_weights_alone_say_how_to_save_a_network(tmp_path: Path) -> None:
    network().save_weights(tmp_path / "alone.weights.h5")
    with pytest.raises(InputError, match=r"weights without a network.*model\.save"):
        read_keras_network(tmp_path / "alone.weights.h5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.keras", None, "no such file"),
        ("network.pkl", b"", r"not a \.keras, \.h5 or \.hdf5 file"),
        ("empty.keras", b"", "cannot be read"),
        ("text.h5", b"no network", "cannot be read"),
    ],
)
def test_other_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: .*{message}"):
        read_keras_network(tmp_path / name)


@pytest.mark.parametrize("name", ["good.keras", "good.h5"])
def test_damaged_files_raise_nothing_else(saved: Path, tmp_path: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        broken = bytearray(content[: rng.integers(1, len(content) + 1)])
        for place in rng.integers(0, len(broken), 8):
            broken[place] = rng.integers(256)
        (tmp_path / name).write_bytes(broken)
        with suppress(InputError):
            read_keras_network(tmp_path / name)


def test_deep_nesting_is_an_input_error(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved / "good.keras") as old:
        weights = old.read("model.weights.h5")
    with zipfile.ZipFile(tmp_path / "deep.keras", "w") as new:
        new.writestr("metadata.json", "{}")
        new.writestr("config.json", "[" * 100_000)
        new.writestr("model.weights.h5", weights)
    with pytest.raises(InputError, match="RecursionError"):
        read_keras_network(tmp_path / "deep.keras")
