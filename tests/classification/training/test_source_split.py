"""The division of votes into parts, which is that of the classes that follow from them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from galpipe.classification.training.sources import held_out_images, identify_data, read_labelled
from galpipe.configs import ClassifierTraining
from galpipe.datasets.votes.vote_kinds import GZ2
from galpipe.errors import InputError

pytestmark = pytest.mark.tensorflow

ROUND = ("_a01_", "_a15_", "_a16_")
EDGE_ON = ("_a02_", "_a04_", "_a15_", "_a27_")
STAR = ("_a03_", "_a15_")


def training(folder: Path, kind: str, fold: int = 0, **changes: object) -> ClassifierTraining:
    source = {"images": str(folder), "labels": str(folder / "votes.csv"), "kind": kind}
    content = {
        "balance": {"evenness": 0},
        "data": [source],
        "split": {"folds": 3, "fold": fold},
        "members": [{"architecture": "cnn"}],
    }
    return ClassifierTraining.model_validate(content | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images and votes of Galaxy Zoo 2: ten round galaxies, seven edge-on ones, three stars."""
    rows = []
    for number, answers in enumerate([ROUND] * 10 + [EDGE_ON] * 7 + [STAR] * 3):
        picture = np.random.default_rng(number).integers(0, 255, (32, 32, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        row = {column: float(any(code in column for code in answers)) for column in GZ2.columns}
        rows.append({"filename": f"{number}.png", "total_classifications": 30 + number, **row})
    pd.DataFrame(rows).to_csv(tmp_path / "votes.csv", index=False)
    return tmp_path


def test_votes_and_classes_have_the_same_folds(folder: Path) -> None:
    stars = {f"{number}.png" for number in range(17, 20)}
    held_out = set()
    for fold in range(3):
        votes, _ = held_out_images(training(folder, "vote_fractions", fold, votes="galaxy_zoo_2"))
        classes, _ = held_out_images(training(folder, "vote_probabilities", fold))
        names = {item.path.name for item in votes}
        assert names - stars == {item.path.name for item in classes}
        assert len(names & stars) == 1
        held_out |= names
    assert len(held_out) == 20


def test_a_loss_of_counts_needs_the_number_of_volunteers(folder: Path) -> None:
    changes = {"votes": "galaxy_zoo_2", "vote_loss": "dirichlet_multinomial"}
    config = training(folder, "vote_fractions", **changes)
    read = read_labelled(config)
    assert [item.volunteers for item in read[0].labelled] == list(range(30, 50))
    # A training is not continued with other numbers.
    assert identify_data(config, read)["1/0.png"][1].endswith(" of 30")
    table = pd.read_csv(folder / "votes.csv")
    table.drop(columns="total_classifications").to_csv(folder / "votes.csv", index=False)
    with pytest.raises(InputError, match=r"votes\.csv has no number of volunteers for 20 of 20"):
        read_labelled(config)
