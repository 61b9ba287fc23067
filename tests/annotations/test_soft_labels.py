from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.datasets.soft_labels import read_probability_table, read_vote_probabilities
from galpipe.datasets.votes.from_votes import convert_votes
from galpipe.datasets.votes.gz2_tree import GZ2_TREE
from galpipe.errors import InputError

CLASSES = ("red", "green")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.jpg").write_bytes(b"")
    return folder


def table(images: Path, text: str) -> Path:
    path = images.parent / "labels.csv"
    path.write_text(text)
    return path


def test_a_column_for_each_class(images: Path) -> None:
    labels = table(images, "filename,green,note,red\na,0.3,x,0.7\nb.jpg,0.2,,0.2\nc,0,,0\n")
    read = read_probability_table(labels, images, CLASSES)
    assert [(item.path.name, item.probabilities) for item in read] == [
        ("a.jpg", (0.7, 0.3)),
        ("b.jpg", (0.2, 0.2)),
    ]
    assert [item.class_id for item in read] == [0, None]
    assert [item.allowed for item in read] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Cannot read"),
        ("name,red,green\na,1,0\n", "needs 'filename' and a column for each class"),
        ("filename,red\na,1\n", "lacks 1 of the 2 classes, first 'green'"),
        *[
            (f"filename,red,green\nb,1,0\na,{value},0\n", "line 3 does not hold probabilities")
            for value in ("-0.1", "1.2", "70", "nan", "inf", "", "x", "9" * 400, "1e400", "1+2j")
        ],
        ("filename,red,green\na,0.6,0.6\n", "line 2 does not hold probabilities"),
        ("filename,red,green\nz,1,0\n", "first 'z'"),
        ("filename,red,green\n../labels.csv,1,0\n", "inside"),
    ],
)
def test_a_bad_table_is_told(images: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_probability_table(table(images, text), images, CLASSES)


def test_votes_become_the_probabilities_that_from_votes_writes(images: Path) -> None:
    kinds = ("weighted_fraction", "debiased")
    random = np.random.default_rng(0)
    columns = [
        c for question in GZ2_TREE.values() for kind in kinds for c in question.columns(kind)
    ]
    rows = [
        {"asset_id": name, **{c: round(float(random.uniform()), 3) for c in columns}}
        for name in "ab"
    ] + [{"asset_id": "c", **dict.fromkeys(columns, 0.0)}]
    votes = images.parent / "votes.csv"
    pd.DataFrame(rows).to_csv(votes, index=False)
    read = read_vote_probabilities(votes, images)
    assert [item.path.name for item in read] == ["a.jpg", "b.jpg"]
    assert all(0 < sum(item.probabilities) < 1 + 1e-9 for item in read)
    convert_votes(votes, images.parent / "soft.csv", "soft")
    again = read_probability_table(images.parent / "soft.csv", images, GALAXY10_DECALS)
    for one, other in zip(read, again, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
