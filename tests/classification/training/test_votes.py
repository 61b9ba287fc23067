"""Trainings on votes, in the layout of the Kaggle Galaxy Challenge."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from galpipe.classification.classifier import load_classifier
from galpipe.classification.training.card import describe_member
from galpipe.classification.training.publish import recalibrate
from galpipe.classification.training.train import train_classifier
from galpipe.classification.training.tune import tune_classifier
from galpipe.classification.votes import predict_votes
from galpipe.configs import ClassifierTraining, ClassifierTuning, GalaxyZooCnnMember
from galpipe.datasets.votes.vote_trees import VOTE_TREES
from galpipe.errors import BundleError
from galpipe.metrics.records import measures_table
from galpipe.models import read_bundle
from galpipe.models.training_history import read_history

from ..conftest import picture

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

TREE = VOTE_TREES["galaxy_zoo_2"]


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and solutions of the challenge: red galaxies are smooth, blue ones discs."""
    folder = tmp_path_factory.mktemp("challenge")
    rng = np.random.default_rng(0)
    shares = pd.DataFrame(rng.uniform(0.1, 1, (16, 37)), columns=TREE.answers)
    with zipfile.ZipFile(folder / "images_training_rev1.zip", "w") as archive:
        for number in range(16):
            colour = "red" if number % 2 else "blue"
            smooth = 0.9 if number % 2 else 0.1
            shares.loc[number, list(TREE.answers[:3])] = [smooth, 1 - smooth, 0]
            pixels = cv2.imencode(".jpg", picture(colour, number)[:, :, ::-1])[1]
            archive.writestr(f"images_training_rev1/{100000 + number}.jpg", pixels.tobytes())
    table = TREE.table(TREE.values(shares))
    table.insert(0, "GalaxyID", range(100000, 100016))
    table.to_csv(folder / "training_solutions_rev1.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def trained(challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("votes")
    train_classifier(config(challenge), output)
    return output


def config(challenge: Path) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {
            "name": "votes",
            "votes": "galaxy_zoo_2",
            "input_size": 32,
            "data": [
                {
                    "images": challenge / "images_training_rev1.zip",
                    "labels": challenge / "training_solutions_rev1.csv",
                    "kind": "vote_fractions",
                }
            ],
            "balance": {"evenness": 0},
            "augmentation": {"kind": "affine", "symmetry": "square"},
            "views_per_epoch": 16,
            "test_time_augmentation": True,
            "members": [
                {
                    "architecture": "galaxy_zoo_cnn",
                    "grey": False,
                    "filters": [4, 4],
                    "kernel_sizes": [3, 3],
                    "pooled": [True, True],
                    "dense": [8],
                    "epochs": 1,
                    "batch_size": 8,
                    "optimizer": "adam",
                    "learning_rate_schedule": "constant",
                }
            ],
        }
    )


def test_a_bundle_predicts_votes_and_the_classes_that_follow(trained: Path) -> None:
    bundle = read_bundle(trained)
    bundle.verify()
    classifier = load_classifier(bundle)
    assert classifier.test_time_augmentation
    crops = np.stack([picture("red", seed) for seed in range(5)])
    votes, probabilities = predict_votes(classifier, crops)
    assert votes.shape == (5, 37)
    assert np.abs(TREE.sums(votes)).max() < 1e-6
    np.testing.assert_allclose(probabilities, TREE.galaxy10(votes), atol=1e-6)
    np.testing.assert_allclose(classifier.predict(crops), probabilities, atol=1e-6)
    # The mean over the flips and quarter turns does not depend on how the galaxy is turned.
    turned, _ = predict_votes(classifier, np.rot90(crops, axes=(1, 2)))
    np.testing.assert_allclose(turned, votes, atol=1e-5)


def test_the_errors_are_recorded_and_shown(trained: Path) -> None:
    bundle = read_bundle(trained)
    metrics = bundle.metrics()
    test = next(one for one in metrics["vote_measurements"] if one["images"].startswith("test"))
    figures = test["metrics"]["galaxy_zoo_cnn"]
    assert sorted(test["files"]) == list(bundle.manifest.data.test)
    assert figures["images"] == len(test["files"])
    assert figures["largest_excess"] < 1e-6
    assert figures["rmse"] == pytest.approx(figures["mse"] ** 0.5)
    row = next(row for row in measures_table(metrics).rows if row[0] == test["images"])
    assert row[1:] == [
        "galaxy_zoo_cnn",
        str(figures["images"]),
        f"{figures['rmse']:.4f}",
        f"{figures['mse']:.4f}",
    ]
    card = (trained / "bundle" / "MODEL_CARD.md").read_text()
    assert f"{figures['rmse']:.4f}" in card
    assert "a softmax for each question" in card
    history = read_history(trained / "galaxy_zoo_cnn" / "galaxy_zoo_cnn")
    assert len(history["validation_squared_error"]) == 1


def test_a_network_without_convolutions_is_described_by_its_dense_layers() -> None:
    member = GalaxyZooCnnMember(
        architecture="galaxy_zoo_cnn", filters=(), kernel_sizes=(), pooled=(), dense=(256, 128)
    )
    assert describe_member(member).startswith("grey pixels, dense layers of 256, 128 with")


def test_what_is_for_classes_is_refused(challenge: Path, trained: Path) -> None:
    with pytest.raises(BundleError, match="need no calibration"):
        recalibrate(trained / "bundle", config(challenge))
    with pytest.raises(BundleError, match="predicts classes"):
        predict_votes(load_classifier("galaxy10_cnn"), np.zeros((1, 69, 69, 3), np.uint8))


def test_a_feed_forward_network_is_searched(challenge: Path, tmp_path: Path) -> None:
    dense = {"architecture": "galaxy_zoo_cnn", "filters": [], "kernel_sizes": [], "pooled": []}
    content = config(challenge).model_dump() | {
        "vote_head": "majority",
        "members": [dense | {"dense": [32, 64], "learning_rate": 0.001, "batch_size": 8}],
    }
    training = ClassifierTraining.model_validate(content)
    search = tune_classifier(ClassifierTuning(training=training, epochs=1), tmp_path / "search", 1)
    (trial,) = search.trials
    searched = {"first_units": 32, "second_units": 64, "learning_rate": 0.001}
    assert trial.model_dump()["values"] == searched
    # Grey pixels, two dense layers and the answers.
    assert trial.parameters == (32 * 32 + 1) * 32 + 33 * 64 + 65 * 37
    assert 0 < trial.loss < 3
    assert 0 < trial.accuracy <= 1
