from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from galpipe.annotations import GALAXY10_DECALS
from galpipe.datasets.label_tables import (
    read_label_table,
    read_probability_table,
    read_vote_labels,
    read_vote_probabilities,
)
from galpipe.datasets.labels import LabelledImage
from galpipe.datasets.votes.decision_trees import GZ2_TREE
from galpipe.datasets.votes.from_votes import convert_votes
from galpipe.errors import InputError

CLASSES = ("red", "green")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "abcdef":
        (folder / f"{name}.jpg").write_bytes(b"")
    return folder


def table(images: Path, text: str) -> Path:
    path = images.parent / "labels.csv"
    path.write_text(text)
    return path


def test_every_kind_of_label(images: Path) -> None:
    labels = table(
        images,
        "filename,label\na.jpg,7\nb,Merging Galaxies\nc.jpg,spiral_clockwise\n"
        "d.jpg,dont_know\ne.jpg,3|Round Smooth Galaxies\nf.jpg,\n",
    )
    read = read_label_table(labels, images)
    assert [(item.path.name, item.allowed) for item in read] == [
        ("a.jpg", (7,)),
        ("b.jpg", (1,)),
        ("c.jpg", (5, 6, 7)),
        ("e.jpg", (2, 3)),
    ]
    assert [item.class_id for item in read] == [7, 1, None, None]


def test_classes_of_ones_own(images: Path) -> None:
    labels = table(images, "label,file\nelliptical,a.jpg\n0,b.jpg\n")
    read = read_label_table(labels, images, ("spiral", "elliptical"))
    assert [item.allowed for item in read] == [(1,), (0,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"labels\.csv"),
        ("name,label\na,1\n", "needs 'filename' and 'label'"),
        ("filename,label\na.jpg,1\nb.jpg,10\n", r"line 3: unknown label '10'"),
        ("filename,label\na.jpg,-1\n", "unknown label '-1'"),
        ("filename,label\na.jpg,lenticular\n", "unknown label 'lenticular'"),
        ("filename,label\na.jpg,1\nz.jpg,1\n", "1 of 2 images .* first 'z.jpg'"),
        ("filename,label\n../labels.csv,1\n", "inside"),
        ("filename,label\n/etc/passwd,1\n", "not in"),
    ],
)
def test_a_bad_table_is_told(images: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_label_table(table(images, text), images)


def test_a_missing_images_folder_is_told(images: Path) -> None:
    labels = table(images, "filename,label\na.jpg,1\n")
    with pytest.raises(InputError, match="not a folder"):
        read_label_table(labels, images / "none")


def test_votes_become_labels_with_the_survey_identifier(images: Path) -> None:
    kinds = ("weighted_fraction", "debiased")
    columns = [
        c for question in GZ2_TREE.values() for kind in kinds for c in question.columns(kind)
    ]
    yes = ("_a15_", "_a01_", "_a16_")
    round_smooth = {column: float(any(part in column for part in yes)) for column in columns}
    rows = [
        {"asset_id": "a", "dr7objid": "588017948819619946", **round_smooth},
        {"asset_id": "b", "dr7objid": "588017948819619947", **dict.fromkeys(columns, 0.0)},
    ]
    pd.DataFrame(rows).to_csv(images.parent / "votes.csv", index=False)
    read = read_vote_labels(images.parent / "votes.csv", images)
    assert read == [LabelledImage(images / "a.jpg", (2,), "588017948819619946")]


def test_real_tables(galpipe_data: Path) -> None:
    def counts(folder: str) -> Counter[tuple[int, ...]]:
        read = read_label_table(
            galpipe_data / folder / "labels.csv", galpipe_data / folder / "images"
        )
        return Counter(item.allowed for item in read)

    assert counts("gz1") == {(2, 3, 4): 3949, (8, 9): 841, (5, 6, 7): 711, (0, 1): 94}
    assert counts("kaggle_spiral") == {(0, 1, 5, 6, 7): 692}
    assert counts("galaxy10_decals") == {(k,): 4 for k in range(len(GALAXY10_DECALS))}
    assert (
        len(read_vote_labels(galpipe_data / "gz2" / "votes.csv", galpipe_data / "gz2" / "images"))
        == 727
    )


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
        ("", "is empty"),
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
def test_a_bad_table_of_probabilities_is_told(images: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_probability_table(table(images, text), images, CLASSES)


def test_probabilities_by_number_and_rows_by_column(images: Path) -> None:
    text = "set,filename,p0,p1,label\none,a,0.9,0.1,0\ntwo,missing,1,0,0\none,b,0.2,2,1\n"
    labels = table(images, text)
    with pytest.raises(InputError, match="line 4 does not hold probabilities"):
        read_probability_table(labels, images, CLASSES, {"set": "one"})
    labels = table(images, text.replace(",2,1", ",0.8,1"))
    read = read_probability_table(labels, images, CLASSES, {"set": "one"})
    assert [item.probabilities for item in read] == [(0.9, 0.1), (0.2, 0.8)]
    chosen = read_label_table(labels, images, CLASSES, {"set": "one", "label": 1})
    assert [(item.path.stem, item.allowed) for item in chosen] == [("b", (1,))]


@pytest.mark.parametrize(
    ("where", "message"),
    [({"survey": "one"}, "no column 'survey'"), ({"set": "three"}, "no row with set = three")],
)
def test_rows_that_are_not_there_are_told(
    images: Path, where: dict[str, str], message: str
) -> None:
    labels = table(images, "set,filename,label\none,a,0\n")
    with pytest.raises(InputError, match=message):
        read_label_table(labels, images, CLASSES, where)


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


def test_labels_are_read_from_any_kind_of_table(images: Path) -> None:
    columns = {"filename": ["a.jpg", "b"], "label": ["7", "1|2"], "ra": [10.5, 11], "dec": [1, 2]}
    table = Table(columns)
    expected = [((7,), (10.5, 1.0)), ((1, 2), (11.0, 2.0))]
    for form in ("fits", "ascii.ecsv", "votable"):
        path = images.parent / f"labels.{form}"
        table.write(path, format=form)
        read = read_label_table(path, images)
        assert [(item.allowed, item.position) for item in read] == expected
