from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galpipe.annotations import GALAXY10_DECALS, GALAXY10_SDSS
from galpipe.datasets.label_tables import read_label_table, read_vote_labels
from galpipe.datasets.votes.decision_trees import GZ2_TREE
from galpipe.datasets.votes.from_votes import TARGETS, convert_votes, labels_from_votes, with_images
from galpipe.datasets.votes.kaggle import KAGGLE_COLUMNS
from galpipe.datasets.votes.vote_kinds import VOTE_KINDS
from galpipe.datasets.votes.vote_table import VoteTable, read_votes
from galpipe.errors import InputError, OutputError

COLUMNS = [column for question in GZ2_TREE.values() for column in question.columns()]


def votes(**galaxies: dict[str, float]) -> VoteTable:
    """Votes by the galaxy's name: each answer by its code, such as ``a06=0.9``; the rest are 0."""
    rows = [
        {c: next((v for k, v in answers.items() if f"_{k}_" in c), 0.0) for c in COLUMNS}
        for answers in galaxies.values()
    ]
    names = tuple(galaxies)
    nowhere = (None,) * len(names)
    shares = pd.DataFrame(rows, columns=COLUMNS)
    return VoteTable(VOTE_KINDS[0], names, names, nowhere, shares, np.zeros(len(names)))


ROUND = {"a15": 1.0, "a01": 1.0, "a16": 1.0}
ROUNDISH = ROUND | {"a16": 0.5, "a17": 0.5}
NO_ARMS = {"a15": 1.0, "a02": 1.0, "a05": 1.0, "a09": 1.0}
STAR = {"a03": 1.0}


def test_classes_of_decals() -> None:
    table = labels_from_votes(
        votes(a=ROUND, b=ROUNDISH, c=NO_ARMS, d=STAR, e={}), "galaxy10-decals"
    )
    assert table.to_dict("records") == [
        {"filename": "a", "label": "Round Smooth Galaxies"},
        {"filename": "b", "label": "Round Smooth Galaxies|In-between Round Smooth Galaxies"},
    ]


def test_classes_of_sdss() -> None:
    table = labels_from_votes(votes(a=ROUND, b=ROUNDISH, c=NO_ARMS, d=STAR), "galaxy10-sdss")
    assert table.to_dict("records") == [
        {"filename": "a", "label": "Smooth Completely round"},
        {"filename": "b", "label": "Smooth Completely round|Smooth in-between round"},
        {"filename": "c", "label": "Disk Face-on No Spiral"},
    ]


def test_probabilities() -> None:
    table = labels_from_votes(votes(a=ROUND, b=ROUNDISH, c=NO_ARMS), "soft")
    assert list(table.columns) == ["filename", *GALAXY10_DECALS]
    assert table["filename"].tolist() == ["a", "b"]
    assert table["Round Smooth Galaxies"].tolist() == [1.0, 0.5]
    assert table[list(GALAXY10_DECALS)].sum(axis=1).tolist() == [1.0, 1.0]


def test_columns_of_kaggle() -> None:
    table = labels_from_votes(votes(**{"100.jpg": ROUNDISH, "101": {}}), "kaggle")
    assert list(table.columns) == ["GalaxyID", *KAGGLE_COLUMNS]
    assert table["GalaxyID"].tolist() == ["100"]
    assert table.loc[0, ["Class1.1", "Class7.1", "Class7.2"]].tolist() == [1.0, 0.5, 0.5]


def test_the_largest_column_of_kaggle() -> None:
    asked = {
        "a02": 0.9, "a03": 0.1, "a05": 1.0, "a07": 1.0, "a14": 0.8, "a15": 0.2,
    }  # fmt: skip
    table = labels_from_votes(votes(**{"1.jpg": asked, "2": ROUND, "3": {}}), "kaggle-argmax")
    # "No bar" has as many votes as "features", which leads to it and comes first.
    assert table.to_dict("list") == {
        "filename": ["1.jpg", "2"],
        "label": ["Class1.2", "Class1.1"],
    }
    assert set(table["label"]) <= set(TARGETS["kaggle-argmax"])


def test_decals_has_no_columns_of_kaggle(tmp_path: Path) -> None:
    decals = VOTE_KINDS[2]
    row = dict.fromkeys(decals.columns, 0.0)
    pd.DataFrame([{"iauname": "J1", **row}]).to_csv(tmp_path / "votes.csv", index=False)
    with pytest.raises(InputError, match="lacks t05_bulge_prominence, t11_arms_number"):
        convert_votes(tmp_path / "votes.csv", tmp_path / "out.csv", "kaggle")
    assert not (tmp_path / "out.csv").exists()


def test_an_unknown_target_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="'galaxy11', not one of galaxy10-decals"):
        labels_from_votes(votes(a=ROUND), "galaxy11")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "J1.5-0.2.png"):
        (folder / name).write_bytes(b"")
    return folder


def test_galaxies_with_an_image_go_by_its_name(images: Path) -> None:
    kept = with_images(votes(**{"a": ROUND, "b": ROUND, "J1.5-0.2": NO_ARMS}), images)
    assert kept.names == ("a.jpg", "J1.5-0.2.png")
    assert kept.identifiers == ("a", "J1.5-0.2")
    assert kept.shares["t07_rounded_a16_completely_round"].tolist() == [1.0, 0.0]


def test_names_do_not_lead_out_of_the_folder(images: Path) -> None:
    with pytest.raises(InputError, match="inside"):
        with_images(votes(**{"../votes": ROUND}), images)
    with pytest.raises(InputError, match="not a folder or a ZIP archive of images"):
        with_images(votes(a=ROUND), images / "none")


def test_images_of_an_archive_go_by_their_names_in_it(tmp_path: Path, images: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", images.parent, "images"))
    galaxies = {"a": ROUND, "b": ROUND, "J1.5-0.2": NO_ARMS}
    assert with_images(votes(**galaxies), archive).names == ("a.jpg", "J1.5-0.2.png")


def real(galpipe_data: Path) -> tuple[Path, Path]:
    return galpipe_data / "gz2" / "votes.csv", galpipe_data / "gz2" / "images"


def test_real_classes_are_what_a_classifier_is_trained_on(
    galpipe_data: Path, tmp_path: Path
) -> None:
    table, images = real(galpipe_data)
    result = convert_votes(table, tmp_path / "labels.csv", "galaxy10-decals", images=images)
    assert (result.galaxies, result.without_image, result.undecided) == (779, 0, 52)
    written = read_label_table(tmp_path / "labels.csv", images)
    trained = read_vote_labels(table, images)
    assert [(item.path, item.allowed) for item in written] == [
        (item.path, item.allowed) for item in trained
    ]


def test_real_votes_through_kaggle_give_the_same_classes(
    galpipe_data: Path, tmp_path: Path
) -> None:
    table, _ = real(galpipe_data)
    convert_votes(table, tmp_path / "kaggle.csv", "kaggle")
    for target in ("galaxy10-decals", "galaxy10-sdss"):
        direct = labels_from_votes(read_votes(table), target)
        again = labels_from_votes(read_votes(tmp_path / "kaggle.csv"), target)
        assert (direct == again).all(axis=1).mean() > 0.99


def test_real_probabilities_agree_with_the_classes(galpipe_data: Path) -> None:
    table, _ = real(galpipe_data)
    read = read_votes(table)
    soft = labels_from_votes(read, "soft").set_index("filename")
    labels = labels_from_votes(read, "galaxy10-decals").set_index("filename")["label"]
    certain = labels[labels.isin(GALAXY10_DECALS)]
    assert (soft.loc[certain.index].idxmax(axis=1) == certain).mean() > 0.9
    assert soft.sum(axis=1).max() <= 1 + 1e-9


def test_an_output_in_the_way_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        convert_votes(tmp_path / "votes.csv", tmp_path / "out.csv", "soft")


def test_every_target_names_its_classes() -> None:
    assert TARGETS == {
        "galaxy10-decals": GALAXY10_DECALS,
        "galaxy10-sdss": GALAXY10_SDSS,
        "soft": GALAXY10_DECALS,
        "kaggle": (),
        "kaggle-argmax": ("Class1.1", "Class1.2", "Class1.3", "Class6.1", "Class6.2"),
    }
