"""A Keras network of another program, with nine classes of Galaxy10, as a classifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from keras import layers

from galpipe.annotations import GALAXY10_SDSS
from galpipe.classification.classifier import load_classifier
from galpipe.classification.explain import open_explained
from galpipe.classification.training.keras_file import build_keras_file
from galpipe.configs import KerasFileMember
from galpipe.errors import ConfigError, InputError
from galpipe.evaluation.evaluate_classifiers import evaluate_classifiers
from galpipe.files.atomic import write_png

from ..datasets.galaxy10_files import sdss_columns, write_galaxy10

pytestmark = pytest.mark.tensorflow

Cli = Callable[..., Result]

NINE = tuple(name for name in GALAXY10_SDSS if name != "Disk Edge-on Boxy Bulge")
DESCRIPTION = """
input_size: 16
scaling: {scale: 0.00784313725, offset: -1}
class_names: {Disk Edge-on Boxy: null}
labelled_classes: galaxy10_sdss
crop_margin: 2
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="last")(inputs)
    outputs = layers.Dense(9, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    path = tmp_path_factory.mktemp("theirs") / "nine.h5"
    keras.Model(inputs, outputs).save(path)
    path.with_suffix(".yaml").write_text(DESCRIPTION)
    return path


def test_it_predicts_what_keras_does(theirs: Path) -> None:
    classifier = load_classifier(theirs)
    assert classifier.class_names == NINE
    assert (classifier.input_size, classifier.crop_margin) == (16, 2)
    crops = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    expected = keras.saving.load_model(theirs, compile=False)(crops * np.float32(2 / 255) - 1)
    np.testing.assert_allclose(classifier.predict(crops), np.asarray(expected), atol=1e-5)
    identity = classifier.identity
    assert (identity.name, list(identity.sha256)) == ("nine", ["nine.h5"])


def test_it_is_evaluated_without_the_class_that_it_lacks(theirs: Path, tmp_path: Path) -> None:
    data = write_galaxy10(tmp_path / "Galaxy10.h5", sdss_columns(20))
    (measured,) = evaluate_classifiers([theirs], data)
    assert measured.metrics.images == 18


def test_it_classifies_and_runs_and_is_explained(
    theirs: Path,
    tmp_path: Path,
    galpipe_cli: Cli,
    squares: Callable[..., np.ndarray],
    tiny_detector_bundle: Path,
) -> None:
    image = tmp_path / "images" / "one.png"
    write_png(image, squares(64, 64, (28, 28)))
    result = galpipe_cli("classify", image, "--model", theirs, "-o", tmp_path / "classified")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "classified" / "predictions.csv")
    assert table["class_name"][0] in NINE
    config = tmp_path / "run.yaml"
    config.write_text(
        f"detector: {{model: {tiny_detector_bundle}}}\nclassifier: {{model: {theirs}}}\n"
    )
    result = galpipe_cli("run", image, "--config", config, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert list(record["models"]["classifier"]["sha256"]) == ["nine.h5"]
    explained = open_explained(theirs)
    assert (explained.class_names, explained.crop_margin) == (NINE, 2)
    (member,) = explained.members
    assert member.network.probabilities(np.zeros((1, 16, 16, 3), np.float32)).shape == (1, 9)


def test_it_is_a_member_by_its_path_alone(theirs: Path) -> None:
    member = KerasFileMember(architecture="keras_file", path=theirs)
    assert build_keras_file(member, NINE[::-1], 20).output_shape == (None, 9)


def test_what_is_wrong_is_said_with_its_cure(theirs: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.h5"
    alone.write_bytes(theirs.read_bytes())
    with pytest.raises(ConfigError, match=r"alone\.h5: .* describe it in .*alone\.yaml"):
        load_classifier(alone)
    description = alone.with_suffix(".yaml")
    description.write_text(DESCRIPTION.replace("crop_margin", "crop_margn"))
    with pytest.raises(ConfigError, match="did you mean crop_margin"):
        load_classifier(alone)
    description.write_text(DESCRIPTION.replace("{Disk Edge-on Boxy: null}", "[a, b]"))
    with pytest.raises(ConfigError, match="labelled_classes are for class_names that change"):
        load_classifier(alone)
    inputs = keras.Input((16, 16, 3))
    outputs = layers.Lambda(lambda x: x)(layers.Dense(9)(layers.Flatten()(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "lambda.keras")
    (tmp_path / "lambda.yaml").write_text(DESCRIPTION)
    with pytest.raises(InputError, match="'Lambda', which is not one of the layers"):
        load_classifier(tmp_path / "lambda.keras")
