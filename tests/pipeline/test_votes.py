"""Catalogues and predictions of a classifier that predicts votes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from galpipe.classification.votes import vote_columns
from galpipe.datasets.votes.vote_trees import VOTE_TREES
from galpipe.errors import BundleError
from galpipe.pipeline import Catalogue
from galpipe.pipeline.export import export_model
from galpipe.pipeline.field_processing import FieldModels, process_field

from .conftest import picture, write_picture

TREE = VOTE_TREES["galaxy_zoo_2"]
COLUMNS = vote_columns(TREE.answers)
SQUARES = {(16, 32): "red", (80, 64): "blue"}


def test_the_catalogue_of_a_run_has_votes_and_the_classes_that_follow(
    models: dict[str, Path], votes_bundle: Path, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    field = write_picture(tmp_path / "field.png", picture(128, 128, SQUARES))
    output = tmp_path / "out"
    result = galpipe_cli(
        "run", str(field), "-o", str(output), "--detector", str(models["detector"]),
        "--classifier", str(votes_bundle), "--format", "ecsv", "--format", "fits",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    catalogue = Catalogue.read(output / "catalogue.ecsv")
    assert catalogue.votes == "galaxy_zoo_2"
    votes = np.column_stack([catalogue[name] for name in COLUMNS])
    assert len(votes) == 2
    np.testing.assert_allclose(TREE.sums(votes), 0, atol=2e-5)
    probabilities = np.column_stack(
        [catalogue[name] for name in catalogue.table.colnames if name.startswith("prob_")]
    )
    np.testing.assert_allclose(probabilities, TREE.galaxy10(votes), atol=2e-4)
    assert "Is there a sign of a bar" in catalogue["vote_t03_bar_a06_bar"].info.description
    same = Catalogue.read(output / "catalogue.fits")
    np.testing.assert_array_equal(same[COLUMNS[0]], catalogue[COLUMNS[0]])
    alone = process_field(field, FieldModels(models["detector"], votes_bundle)).catalogue
    assert alone.table.colnames == catalogue.table.colnames
    assert len(catalogue[:1].table.colnames) == len(catalogue.table.colnames)


def test_images_are_classified_into_the_table_of_the_challenge(
    votes_bundle: Path, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    images = tmp_path / "images_test_rev1"
    images.mkdir()
    for name, colour in (("100018", (40, 40, 255)), ("100037", (255, 40, 40))):
        pixels = np.full((48, 48, 3), colour, np.uint8)
        pixels[20:28, 20:28] //= 2
        cv2.imwrite(str(images / f"{name}.jpg"), pixels)
    cv2.imwrite(str(images / "100042.png"), np.zeros((48, 48, 3), np.uint8))
    output = tmp_path / "out"
    result = galpipe_cli("classify", str(images), "-o", str(output), "--model", str(votes_bundle))
    assert result.exit_code == 0, result.output
    predictions = pd.read_csv(output / "predictions.csv")
    assert predictions["class_name"].tolist()[:2] == [
        "Round Smooth Galaxies",
        "Edge-on Galaxies with Bulge",
    ]
    # An image of one value shows no galaxy.
    assert predictions[COLUMNS].isna().all(axis=1).tolist() == [False, False, True]
    table = pd.read_csv(output / "votes.csv")
    assert list(table.columns) == ["GalaxyID", *TREE.columns]
    assert table["GalaxyID"].tolist() == [100018, 100037]
    np.testing.assert_allclose(table[list(TREE.columns)], predictions[COLUMNS][:2], atol=1e-6)


def test_votes_are_not_exported_as_classes(votes_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="predicts votes"):
        export_model(votes_bundle, "tflite", tmp_path / "out")
