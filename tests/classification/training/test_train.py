from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import Result

from galpipe.classification.classifier import load_classifier
from galpipe.classification.training import train, vgg16
from galpipe.classification.training.cnn import build_cnn
from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.export import Storage, compare, to_litert
from galpipe.classification.training.finetune import split_at_first_trainable
from galpipe.classification.training.publish import recalibrate, training_priors
from galpipe.classification.training.sources import Sources, gather, read_labelled
from galpipe.classification.training.train import train_classifier
from galpipe.classification.training.vgg16 import build_vgg16, freeze_below
from galpipe.configs import (
    Balance,
    ClassifierData,
    ClassifierTraining,
    CnnMember,
    Split,
    Vgg16Member,
    dump_config,
)
from galpipe.errors import InputError, OutputError
from galpipe.models import read_bundle, write_bundle
from galpipe.models.training_history import read_history

from .label_rows import labels_of

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

TINY_BLOCKS = ((1, 4),) * 5


@pytest.fixture(scope="module")
def config(labelled_folder: Callable[..., Path]) -> ClassifierTraining:
    main, extra = labelled_folder(8), labelled_folder(3, first_seed=900)
    unlabelled = labelled_folder(2, first_seed=700)
    return ClassifierTraining(
        name="colours",
        class_names=("red", "green", "blue"),
        data=(
            ClassifierData(images=main, labels=main / "labels.csv"),
            ClassifierData(images=extra, labels=extra / "labels.csv", role="extra"),
            ClassifierData(images=unlabelled, kind="unlabelled", role="extra"),
        ),
        members=(
            CnnMember(
                architecture="cnn",
                weight=0.6,
                filters=(4, 4),
                dense=4,
                epochs=2,
                batch_size=8,
                teacher="vgg16",
            ),
            Vgg16Member(
                architecture="vgg16",
                weight=0.4,
                initial_weights="pretrain",
                pretrain_epochs=1,
                epochs=1,
                batch_size=8,
            ),
        ),
        split=Split(test_fraction=0.25, validation_fraction=0.25),
        input_size=32,
        views_per_epoch=16,
        balance=Balance(frequencies="data"),
    )


def tiny_vgg16(include_top: bool, weights: str | None, input_tensor: Any) -> keras.Model:
    """VGG16 with one convolution of four filters per block."""
    x = input_tensor
    for block, (count, filters) in enumerate(TINY_BLOCKS, start=1):
        for number in range(1, count + 1):
            x = keras.layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}"
            )(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


@pytest.fixture(scope="module")
def trained(config: ClassifierTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(vgg16, "VGG16_BLOCKS", TINY_BLOCKS)
        smaller.setattr(keras.applications, "VGG16", tiny_vgg16)
        assert train_classifier(config, output) == output / "bundle"
    return output


def test_the_bundle_runs_on_any_number_of_crops(trained: Path) -> None:
    classifier = load_classifier(trained / "bundle")
    assert classifier.member_names == ("cnn", "vgg16")
    crops = np.random.default_rng(0).integers(0, 256, (19, 40, 40, 3)).astype(np.uint8)
    probabilities = classifier.predict(crops)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    members = classifier.predict_members(crops)
    manifest = classifier.bundle.manifest
    assert manifest.calibration is not None
    mean = 0.6 * members[0] + 0.4 * members[1]
    np.testing.assert_allclose(probabilities, manifest.calibration.calibrate(mean), atol=1e-5)
    for count in (1, 2, 16):
        np.testing.assert_allclose(
            classifier.predict_members(crops[:count])[0], members[0, :count], atol=1e-5
        )


def test_what_was_measured_is_recorded(trained: Path, config: ClassifierTraining) -> None:
    bundle = read_bundle(trained / "bundle")
    bundle.verify()
    metrics = bundle.metrics()
    assert metrics["litert_against_keras"]["cnn"]["largest_difference"] < 0.01
    test = next(m for m in metrics["measurements"] if m["images"].startswith("test"))
    assert set(test["metrics"]) == {"cnn", "vgg16", "ensemble"}
    assert len(test["files"]) == test["metrics"]["ensemble"]["images"] == 6
    assert sorted(test["files"]) == list(bundle.manifest.data.test)
    card = (trained / "bundle" / "MODEL_CARD.md").read_text()
    assert "pre-trained on the galaxies" in card
    assert "| test, whole cutouts | ensemble | 6 |" in card
    assert "about the box" not in card
    assert "](learning_curves.png)" in card
    assert (trained / "bundle" / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    for network, epochs in (("cnn/cnn", 2), ("vgg16/vgg16 pre-training", 1), ("vgg16/vgg16", 1)):
        assert len(read_history(trained / network)["validation_loss"]) == epochs
        assert any((trained / network / "tensorboard").rglob("events.*"))
    assert list(train._histories(config, trained)) == ["cnn", "vgg16 pre-training", "vgg16"]


def test_no_folder_of_the_machine_is_in_the_bundle(
    trained: Path, config: ClassifierTraining
) -> None:
    root = str(config.data[0].images.parent.parent)
    for file in (trained / "bundle").iterdir():
        assert root.encode() not in file.read_bytes(), file.name


def test_a_finished_training_is_not_repeated(
    trained: Path, config: ClassifierTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (trained / "cnn" / "model.keras").stat().st_mtime_ns
    metrics = (trained / "bundle" / "metrics.json").read_text()
    converted = {
        name: (trained / "bundle" / f"{name}.tflite").read_bytes() for name in ("cnn", "vgg16")
    }
    files = {"int8": converted["vgg16"], "float32": converted["cnn"]}
    monkeypatch.setattr(train, "to_litert", lambda model, storage: files[storage])
    train_classifier(config, trained)
    assert (trained / "cnn" / "model.keras").stat().st_mtime_ns == before
    assert json.loads((trained / "bundle" / "metrics.json").read_text()) == json.loads(metrics)


def test_a_member_of_weight_0_is_in_the_bundle_of_a_fold_alone(
    config: ClassifierTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = CnnMember(architecture="cnn", filters=(4, 4), dense=4)
    plain = config.model_copy(update={"members": (member, member), "weights": "search"})
    fold = plain.model_copy(update={"split": Split(folds=2, fold=0)})
    networks = {name: build_cnn(3, 32, member) for name in ("cnn_1", "cnn_2")}
    converted = {id(network): to_litert(network, "float32") for network in networks.values()}
    monkeypatch.setattr(train, "search_weights", lambda *_: np.array([0.0, 1.0]))
    monkeypatch.setattr(train, "to_litert", lambda model, storage: converted[id(model)])
    sources = gather(plain, read_labelled(plain))
    for training, names in ((plain, ("cnn_2",)), (fold, ("cnn_1", "cnn_2"))):
        bundle = train.export_classifier(training, sources, networks, tmp_path / f"{len(names)}")
        classifier = load_classifier(bundle)
        assert classifier.member_names == names
        crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
        used = classifier.predict_members(crops)[-1]
        calibration = classifier.bundle.manifest.calibration
        assert calibration is not None
        np.testing.assert_allclose(
            classifier.predict(crops), calibration.calibrate(used), atol=1e-6
        )


def test_the_class_frequencies_of_the_training_are_recorded(trained: Path) -> None:
    priors = read_bundle(trained / "bundle").manifest.priors
    assert priors is not None
    assert sum(priors) == pytest.approx(1)
    # As many images of each colour, split at random.
    assert all(0.2 < prior < 0.5 for prior in priors)


def test_a_bundle_is_calibrated_again(
    trained: Path, config: ClassifierTraining, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    bundle = read_bundle(trained / "bundle")
    earlier = bundle.manifest.model_copy(update={"calibration": None, "priors": None})
    kept = ("cnn.tflite", "vgg16.tflite", "learning_curves.png")
    files = {name: bundle.read(name) for name in kept}
    place = write_bundle(tmp_path / "earlier", earlier, files, "", bundle.metrics())
    settings = tmp_path / "config.yaml"
    settings.write_text(dump_config(config.model_copy(update={"seed": 5, "input_size": 64})))
    result = galpipe_cli("models", "calibrate", place, "--config", settings)
    assert result.exit_code == 0, result.output
    again = read_bundle(place)
    again.verify()
    assert (again.manifest.calibration, again.manifest.priors) == (
        bundle.manifest.calibration,
        bundle.manifest.priors,
    )
    assert again.metrics() == bundle.metrics()
    card = (place / "MODEL_CARD.md").read_text()
    assert "validation images whose label is one class" in card
    assert card == (trained / "bundle" / "MODEL_CARD.md").read_text()


def test_images_of_another_training_do_not_calibrate(
    trained: Path, config: ClassifierTraining, labelled_folder: Callable[..., Path]
) -> None:
    other = labelled_folder(8, first_seed=400)
    data = ClassifierData(images=other, labels=other / "labels.csv")
    changed = config.model_copy(update={"data": (data, *config.data[1:])})
    with pytest.raises(InputError, match="name the images of the training"):
        recalibrate(trained / "bundle", changed)


@pytest.mark.parametrize(
    ("balance", "drawn"),
    [
        (Balance(frequencies="data"), (6, 2)),
        (Balance(evenness=1), (1, 1)),
        (Balance(evenness=0), (6, 2)),
        (Balance(evenness=0, class_weights=True), (1, 1)),
    ],
)
def test_the_assumed_frequencies_follow_the_balance(
    config: ClassifierTraining, balance: Balance, drawn: tuple[int, int]
) -> None:
    images = np.zeros((8, CACHE_SIZE, CACHE_SIZE, 3), np.uint8)
    labels = labels_of([[1, 0]] * 6 + [[0, 1]] * 2)
    train_part = Cutouts((Path("a.png"),) * 8, images, labels, np.zeros((8, 4)))
    none = train_part.select([])
    sources = Sources(train_part, none, none, none, {})
    found = training_priors(sources, config.model_copy(update={"balance": balance}))
    expected = 1 + 8 * np.array(drawn) / sum(drawn)
    np.testing.assert_allclose(found, expected / expected.sum())


def test_another_configuration_is_refused(trained: Path, config: ClassifierTraining) -> None:
    with pytest.raises(OutputError, match="other settings"):
        train_classifier(config.model_copy(update={"seed": 1}), trained)


@pytest.mark.parametrize(
    ("storage", "difference", "size"),
    [("float32", 1e-4, 1), ("float16", 5e-3, 0.6), ("int8", 0.05, 0.4)],
)
def test_litert_says_what_keras_says(storage: Storage, difference: float, size: float) -> None:
    keras.utils.set_random_seed(0)
    model = build_cnn(4, 32)
    crops = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    file = to_litert(model, storage)
    agreement = compare(model, file, crops)
    assert agreement.crops == 20
    assert agreement.largest_difference < difference
    assert agreement.same_class >= (0.8 if storage == "int8" else 0.95)
    assert len(file) < size * 5 * model.count_params()


def test_divided_network_computes_the_same_and_shares_weights() -> None:
    model = build_vgg16(3, 32)
    freeze_below(model, "block5")
    lower, upper = split_at_first_trainable(model)
    assert not lower.trainable_weights
    assert lower.output_shape[1:] == (2, 2, 512)
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(
        upper.predict(lower.predict(images, verbose=0), verbose=0),
        model.predict(images, verbose=0),
        atol=1e-5,
    )
    upper.layers[-1].bias.assign([0.0, 50.0, 0.0])
    assert model.predict(images, verbose=0).argmax(axis=1).tolist() == [1, 1]
