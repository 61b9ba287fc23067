from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

from galpipe.classification.classifier import load_classifier
from galpipe.classification.training import members, train
from galpipe.classification.training.card import describe_member
from galpipe.classification.training.member_kind import MemberKind, TrainingJob, softmax_output
from galpipe.classification.training.members import member_kind, train_member
from galpipe.classification.training.sources import gather, read_labelled
from galpipe.classification.training.train import train_classifier
from galpipe.configs import (
    ClassifierData,
    ClassifierMember,
    ClassifierTraining,
    CnnMember,
    InputScaling,
    KerasFileMember,
    Split,
    TrainedMember,
)
from galpipe.errors import ConfigError, MissingExtraError
from galpipe.models import read_bundle

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]


@pytest.fixture(scope="module")
def config(
    labelled_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> ClassifierTraining:
    """A training of a network that knows the colours already and one that learns nothing."""
    inputs = keras.Input((16, 16, 3))
    dense = keras.layers.Dense(3, activation="softmax")
    outputs = dense(keras.layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, outputs)
    dense.set_weights([np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    path = tmp_path_factory.mktemp("theirs") / "theirs.keras"
    model.save(path)
    folder = labelled_folder(6)
    return ClassifierTraining(
        name="colours",
        class_names=("blue", "green", "red"),
        data=(ClassifierData(images=folder, labels=folder / "labels.csv"),),
        members=(
            CnnMember(
                architecture="cnn", filters=(2,), dense=2, epochs=1, learning_rate=1e-9, l2=1e-3
            ),
            KerasFileMember(
                architecture="keras_file",
                path=path,
                input_size=16,
                scaling=InputScaling(scale=1, offset=0),
                class_names=("red", "green", "blue"),
            ),
        ),
        weights="search",
        split=Split(test_fraction=0.25, validation_fraction=0.25),
        input_size=32,
        views_per_epoch=8,
    )


def test_the_weights_are_found_and_a_member_without_any_is_left_out(
    config: ClassifierTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_tensorflow:
        without_tensorflow.setattr(train, "can_convert", lambda: False)
        with pytest.raises(MissingExtraError, match=r"cnn.model\.keras.*Nothing is trained twice"):
            train_classifier(config, tmp_path / "out")
    trained = (tmp_path / "out" / "cnn" / "model.keras").stat().st_mtime_ns
    bundle = read_bundle(train_classifier(config, tmp_path / "out"))
    assert (tmp_path / "out" / "cnn" / "model.keras").stat().st_mtime_ns == trained
    bundle.verify()
    weights = bundle.metrics()["weights"]
    assert weights.keys() == {"cnn", "keras_file"}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["keras_file"] >= 0.5
    classifier = load_classifier(bundle.path)
    assert classifier.member_names == tuple(name for name, w in weights.items() if w)
    assert bundle.metrics()["litert_against_keras"]["keras_file"]["largest_difference"] < 1e-3
    pictures = np.zeros((2, 32, 32, 3), np.uint8)
    pictures[0, ..., 0] = pictures[1, ..., 2] = 9
    given = classifier.predict(pictures)
    assert [classifier.class_names[i] for i in given.argmax(axis=1)] == ["red", "blue"]
    card = (bundle.path / "MODEL_CARD.md").read_text()
    assert "weights found on the validation images" in card
    assert "**keras_file**: from the file theirs.keras, unchanged" in card
    assert "1 3x3 convolutions of 2, each with batch normalisation" in card
    assert bundle.manifest.training["members"][1]["path"] == "theirs.keras"


def test_a_file_that_does_not_fit_is_named_before_anything_is_trained(
    config: ClassifierTraining, tmp_path: Path
) -> None:
    other = config.model_copy(update={"class_names": ("red", "green", "violet")})
    with pytest.raises(ConfigError, match=r"theirs\.keras: class_names.*missing: violet"):
        train_classifier(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_member_of_the_configuration_has_a_kind() -> None:
    union, _ = get_args(ClassifierMember)
    for settings in get_args(union):
        assert member_kind(settings.model_construct()).settings is settings


def test_another_kind_is_one_module_and_its_registration(
    config: ClassifierTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class MeanMember(TrainedMember):
        architecture: str = "mean"

    def train_mean(member: MeanMember, job: TrainingJob) -> keras.Model:
        inputs = keras.Input((job.config.input_size, job.config.input_size, 3))
        mean = keras.layers.GlobalAveragePooling2D()(inputs)
        return keras.Model(inputs, softmax_output(mean, job.num_classes))

    kind = MemberKind(MeanMember, train_mean, lambda member: "mean colour, softmax", storage="int8")
    monkeypatch.setitem(members._KINDS, MeanMember, kind)
    member: Any = MeanMember(teacher="cnn")
    job = TrainingJob(config, gather(config, read_labelled(config)), tmp_path / "mean")
    assert train_member(member, job).output_shape == (None, 3)
    again = train_member(member, job)
    assert [layer.name for layer in again.layers][-1] == "probabilities"
    assert describe_member(member) == (
        "mean colour, softmax; distilled from cnn on the images with partial or no labels; "
        "weights as 8-bit integers"
    )
