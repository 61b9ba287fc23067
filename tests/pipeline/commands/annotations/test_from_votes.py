from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from galpipe.annotations import GALAXY10_SDSS
from galpipe.datasets.label_tables import read_label_table
from galpipe.datasets.votes.from_votes import TARGETS
from galpipe.datasets.votes.kaggle import KAGGLE_COLUMNS
from galpipe.pipeline.commands.annotations.from_votes import command

Cli = Callable[..., Result]

ROUND = {"Class1.1": 1.0, "Class6.2": 1.0, "Class7.1": 1.0}
CIGAR_OR_DISK = {
    "Class1.1": 0.5,
    "Class1.2": 0.5,
    "Class2.1": 0.5,
    "Class6.2": 1.0,
    "Class7.3": 0.5,
    "Class9.1": 0.5,
}
STAR = {"Class1.3": 1.0, "Class6.2": 1.0}
BROKEN = ROUND | {"Class7.2": 1.0}


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Write a Kaggle table and an image for each of its galaxies, which are numbered from 1."""

    def write(*galaxies: dict[str, float]) -> Path:
        rows = []
        for number, values in enumerate(galaxies, 1):
            image = tmp_path / "images" / f"{number}.jpg"
            image.parent.mkdir(exist_ok=True)
            image.write_bytes(b"")
            rows.append({"GalaxyID": number, **dict.fromkeys(KAGGLE_COLUMNS, 0.0), **values})
        pd.DataFrame(rows).to_csv(tmp_path / "votes.csv", index=False)
        return tmp_path / "votes.csv"

    return write


def from_votes(cli: Cli, table: Path, target: str, *options: object) -> Result:
    out = table.parent / "labels.csv"
    return cli("annotations", "from-votes", table, "-o", out, "--to", target, *options)


def words(result: Result) -> list[list[str]]:
    """What the rows of the printed table say."""
    rows = [line.split("│") for line in result.output.splitlines() if "│" in line]
    return [[cell.strip() for cell in row[1:-1]] for row in rows]


def test_labels_train_a_classifier_as_they_are(
    galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]
) -> None:
    source = table(ROUND, CIGAR_OR_DISK, STAR)
    (tmp_path / "images" / "3.jpg").unlink()
    result = from_votes(galpipe_cli, source, "galaxy10-decals", "--images", tmp_path / "images")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "labels.csv").read_text() == (
        "filename,label\n1.jpg,Round Smooth Galaxies\n"
        "2.jpg,Cigar Shaped Smooth Galaxies|Edge-on Galaxies with Bulge\n"
    )
    read = read_label_table(tmp_path / "labels.csv", tmp_path / "images")
    assert [item.allowed for item in read] == [(2,), (4, 9)]
    assert "(Kaggle Galaxy Challenge), 3 galaxies" in result.output
    assert "without an image: 1" in result.output
    assert "undecided: 0" in result.output
    counts = {name: (alone, among) for name, alone, among in words(result)}
    assert counts["Round Smooth Galaxies"] == ("1", "0")
    assert counts["Cigar Shaped Smooth Galaxies"] == ("0", "1")
    assert counts["Merging Galaxies"] == ("0", "0")


def test_labels_of_the_older_classes(
    galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]
) -> None:
    result = from_votes(galpipe_cli, table(ROUND, STAR), "galaxy10-sdss")
    assert result.exit_code == 0, result.output
    assert "undecided: 1" in result.output
    assert [row[0] for row in words(result)] == list(GALAXY10_SDSS)
    read = read_label_table(tmp_path / "labels.csv", tmp_path / "images", GALAXY10_SDSS)
    assert [item.allowed for item in read] == [(1,)]


def test_probabilities(galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]) -> None:
    result = from_votes(galpipe_cli, table(ROUND, CIGAR_OR_DISK, STAR), "soft")
    assert result.exit_code == 0, result.output
    assert ["Cigar Shaped Smooth Galaxies", "0.5"] in words(result)
    written = pd.read_csv(tmp_path / "labels.csv", index_col="filename")
    assert written.loc[2, "Edge-on Galaxies with Bulge"] == 0.5
    assert written.index.tolist() == [1, 2]


def test_what_breaks_the_rule_is_named_and_the_rest_is_done(
    galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]
) -> None:
    result = from_votes(galpipe_cli, table(ROUND, BROKEN, CIGAR_OR_DISK), "kaggle")
    assert result.exit_code == 1
    assert "1 galaxy against the rule of the decision tree" in result.output
    assert "question 7 sum to 2" in result.output
    assert "GalaxyID 2." in result.output
    written = pd.read_csv(tmp_path / "labels.csv")
    assert written["GalaxyID"].tolist() == [1, 3]
    assert list(written.columns) == ["GalaxyID", *KAGGLE_COLUMNS]


def test_an_earlier_table_is_replaced_when_asked(
    galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]
) -> None:
    source = table(ROUND)
    (tmp_path / "labels.csv").write_text("mine")
    refused = from_votes(galpipe_cli, source, "soft")
    assert refused.exit_code == 2
    assert "exists already" in refused.output
    assert (tmp_path / "labels.csv").read_text() == "mine"
    assert from_votes(galpipe_cli, source, "soft", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [("a,b\n1,2\n", "no column of Galaxy Zoo votes"), ("", "is empty")],
)
def test_a_bad_table_is_told(galpipe_cli: Cli, tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "votes.csv").write_text(content)
    result = from_votes(galpipe_cli, tmp_path / "votes.csv", "soft")
    assert result.exit_code == 1
    assert says in result.output
    assert not (tmp_path / "labels.csv").exists()


def test_the_wrong_folder_of_images_is_told(
    galpipe_cli: Cli, tmp_path: Path, table: Callable[..., Path]
) -> None:
    source = table(ROUND)
    (tmp_path / "empty").mkdir()
    result = from_votes(galpipe_cli, source, "soft", "--images", tmp_path / "empty")
    assert result.exit_code == 1
    assert "None of the 1 images" in result.output


def test_the_choices_are_the_targets() -> None:
    [choices] = [option.type.choices for option in command.params if option.name == "target"]
    assert list(choices) == list(TARGETS)


def test_real_votes(galpipe_cli: Cli, galpipe_data: Path, tmp_path: Path) -> None:
    result = galpipe_cli(
        "annotations", "from-votes", galpipe_data / "gz2" / "votes.csv",
        "-o", tmp_path / "labels.csv", "--to", "galaxy10-decals",
        "--images", galpipe_data / "gz2" / "images",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "779 galaxies" in result.output
    assert "undecided: 52" in result.output
    alone = [int(row[1]) for row in words(result)]
    assert alone == [10, 102, 117, 149, 61, 24, 12, 25, 23, 69]
