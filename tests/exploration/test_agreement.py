from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.annotations import GALAXY10_SDSS
from galpipe.errors import InputError
from galpipe.exploration.agreement import read_cluster_labels, with_labels, with_numbers
from galpipe.exploration.pictures import Picture

from ..datasets.galaxy10_files import sdss_columns, write_galaxy10

pytest.importorskip("sklearn")

NUMBERS = np.repeat([1, 2], 50)
PICTURES = [Picture("a.1", "/d/a.1.png", "s"), Picture("b", "/d/x/b2.jpg", "s")]


def test_labels_that_are_the_clusters() -> None:
    found = with_labels("class", NUMBERS, ["disc"] * 50 + ["round"] * 50)
    assert (found.galaxies, found.purity, found.largest) == (100, 1.0, 0.5)
    assert found.nmi == pytest.approx(1)


def test_labels_that_have_nothing_to_do_with_clusters() -> None:
    found = with_labels("class", NUMBERS, ["disc", "round"] * 40 + [""] * 20)
    assert (found.galaxies, found.purity) == (80, 0.5)
    assert found.nmi == pytest.approx(0, abs=0.01)
    assert np.isnan(with_labels("class", NUMBERS, [""] * 100).nmi)


def test_numbers() -> None:
    rng = np.random.default_rng(0)
    follows = with_numbers("size", NUMBERS, NUMBERS + rng.normal(0, 0.05, 100))
    assert follows.variance == pytest.approx(0.99, abs=0.01)
    assert follows.nmi > 0.4
    independent = with_numbers("size", NUMBERS, rng.normal(0, 1, 100))
    assert independent.variance is not None
    assert independent.variance < 0.05
    assert independent.nmi < 0.15
    assert with_numbers("size", NUMBERS, np.full(100, np.nan)).galaxies == 0
    assert with_numbers("size", NUMBERS, np.ones(100)).variance == 0


@pytest.mark.parametrize(
    "table",
    [
        "id,label\na.1,disc\nb,round\nother,disc\n",
        "filename,label\nx/b2.jpg,round\na.1.png,disc\n",
        "source_id,ra,class_name\na.1,3,disc\nb,4,round\n",
    ],
)
def test_labels_are_found_by_identifier_or_file(tmp_path: Path, table: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(table)
    assert read_cluster_labels(path, PICTURES) == ["disc", "round"]


def test_the_classes_of_a_galaxy10_file(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = write_galaxy10(tmp_path / "Galaxy10.h5", sdss_columns(3))
    pictures = [
        Picture("Galaxy10-00002", str(path / "Galaxy10-00002"), "Galaxy10"),
        Picture("again_Galaxy10-00000", str(path / "Galaxy10-00000"), "Galaxy10"),
        Picture("a.1", "/d/a.1.png", "s"),
    ]
    assert read_cluster_labels(path, pictures) == [GALAXY10_SDSS[2], GALAXY10_SDSS[0], ""]
    with pytest.raises(InputError, match=r"Galaxy10\.h5: has no label .* were embedded"):
        read_cluster_labels(path, PICTURES)


def test_a_label_of_several_classes_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\na.1,disc|round\nb,round\n")
    assert read_cluster_labels(path, PICTURES) == ["", "round"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,label\na.1,disc\n", "needs a column"),
        ("id,kind\na.1,disc\n", "needs a column"),
        ("id,label\nother,disc\n", "no label of any"),
        ("id,label\na.1,disc\na.1,round\n", "one label"),
    ],
)
def test_tables_that_are_no_labels(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(table)
    with pytest.raises(InputError, match=message):
        read_cluster_labels(path, PICTURES)
