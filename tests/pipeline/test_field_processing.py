from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from itertools import permutations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import galpipe
from galpipe.detection.predict import detect_field
from galpipe.errors import ConfigError
from galpipe.imaging import read_field, to_rgb
from galpipe.pipeline import Catalogue
from galpipe.pipeline.field_processing import FieldModels, FieldSettings, process_field

from .conftest import picture, write_fits, write_picture

SQUARES = {(16, 32): "red", (80, 64): "blue", (40, 100): "green"}


@pytest.fixture
def field_models(models: dict[str, Path]) -> FieldModels:
    return FieldModels(models["detector"], models["classifier"])


def plain(catalogue: Catalogue) -> dict[str, np.ndarray]:
    return {name: np.asarray(catalogue[name]) for name in catalogue.table.colnames}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_field_gives_rows_crops_and_an_overlay_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field_models: FieldModels
) -> None:
    path = write_picture(tmp_path / "field.png", picture(128, 128, SQUARES))
    monkeypatch.chdir(tmp_path)
    before = everything(tmp_path)
    result = process_field(path, field_models)
    assert everything(tmp_path) == before
    table = result.catalogue.table
    assert {"red", "green", "blue"} == set(table["class_name"])
    assert list(result.crops) == list(table["source_id"])
    classifier = galpipe.load_classifier(field_models.classifier)
    predicted = classifier.predict(list(result.crops.values()))
    np.testing.assert_allclose(predicted[:, 1], table["prob_red"], atol=1e-4)
    assert result.overlay is not None
    assert result.overlay.dtype == np.uint8
    assert result.record.galaxies == len(table)
    assert result.record.overlay == ""


def test_settings_are_those_of_the_models_unless_set(
    good_fits: Path, field_models: FieldModels
) -> None:
    detector = field_models.open_detector()
    rgb = to_rgb(read_field(good_fits), detector.stretch)
    opened: list[int] = []
    result = process_field(good_fits, field_models, None, opened.append)
    assert opened == [result.record.width * result.record.height]
    assert len(result.rows["x"]) == len(detect_field(rgb, detector))
    strict = process_field(good_fits, field_models, FieldSettings(score_threshold=1.0))
    assert len(strict.rows["x"]) < len(result.rows["x"])
    bare = process_field(good_fits, field_models, FieldSettings(overlay=False, crops=None))
    assert (bare.crops, bare.linear_crops, bare.overlay) == ({}, {}, None)
    assert_equal(bare.rows, result.rows)
    wide = process_field(good_fits, field_models, FieldSettings(crop_margin=3.0))
    (name, crop), *_ = result.crops.items()
    assert wide.crops[name].shape[0] == pytest.approx(2 * crop.shape[0], abs=2)
    detected = process_field(good_fits, FieldModels(field_models.detector, None))
    assert detected.crops == {}
    assert "class_id" not in detected.rows


def test_unknown_galaxy_classes_are_refused(good_fits: Path, field_models: FieldModels) -> None:
    with pytest.raises(ConfigError, match="contains star, but the detector has the classes galaxy"):
        process_field(good_fits, field_models, FieldSettings(galaxy_classes=("star",)))


def test_fields_of_every_kind(good_fits: Path, field_models: FieldModels) -> None:
    expected = process_field(good_fits, field_models)
    with fits.open(good_fits) as hdus:
        from_hdu = process_field(hdus[0], field_models)
    for result in (process_field(read_field(good_fits), field_models), from_hdu):
        assert_equal(
            {k: v for k, v in result.rows.items() if k != "field"},
            {k: v for k, v in expected.rows.items() if k != "field"},
        )
    assert from_hdu.rows["field"][0] == "field"


def test_a_worker_process_gives_the_same(good_fits: Path, field_models: FieldModels) -> None:
    opened = FieldModels(field_models.open_detector(), field_models.open_classifier())
    expected = process_field(good_fits, field_models)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for models in (field_models, opened):
            result = pool.submit(process_field, good_fits, models, FieldSettings()).result()
            assert_equal(result.rows, expected.rows)
            np.testing.assert_array_equal(result.overlay, expected.overlay)
            for name, crop in expected.crops.items():
                np.testing.assert_array_equal(result.crops[name], crop)


def test_field_and_result_are_picklable(good_fits: Path, field_models: FieldModels) -> None:
    result = process_field(pickle.loads(pickle.dumps(read_field(good_fits))), field_models)
    again = pickle.loads(pickle.dumps(result))
    assert_equal(again.rows, result.rows)
    assert again.record == result.record


def test_rows_depend_on_their_field_alone(tmp_path: Path, models: dict[str, Path]) -> None:
    """Same names in two folders, overlapping sky, equal content; in any order and alone."""
    red = picture(128, 128, {(16, 32): "red", (80, 64): "blue"})
    fields = {
        "a": write_picture(tmp_path / "a" / "frame.png", red),
        "b": write_picture(tmp_path / "b" / "frame.png", red[::-1].copy()),
        "copy": write_picture(tmp_path / "copy" / "frame.png", red),
        "sky": write_fits(tmp_path / "a" / "sky.fits", {(16, 32): "red", (80, 64): "blue"}),
        "same_sky": write_fits(tmp_path / "b" / "sky.fits", {(16, 32): "red", (40, 90): "green"}),
    }
    alone = {
        name: galpipe.run(path, tmp_path / "alone" / name, **models).catalogue
        for name, path in fields.items()
    }
    for number, order in enumerate([*permutations(fields)][:: len(fields) * 7]):
        output = tmp_path / "together" / str(number)
        result = galpipe.run([fields[name] for name in order], output, **models)
        assert not result.failures
        assert len({record.field for record in result.record.fields}) == len(fields)
        for name, record in zip(order, result.record.fields, strict=True):
            rows, expected = plain(result.catalogue.of_field(record.field)), plain(alone[name])
            # Fields of one name are told apart by their folders, but only in the column "field".
            assert set(rows.pop("field")) <= {record.field}
            expected.pop("field")
            # A catalogue has the bands of all its fields.
            for name in rows.keys() ^ expected.keys():
                values = rows.pop(name) if name in rows else expected.pop(name)
                assert np.isnan(values).all(), name
            assert_equal(rows, expected)
            crops = sorted((output / "crops" / record.field).iterdir())
            assert len(crops) == len(expected["x"])
    ids = {name: set(catalogue["source_id"]) for name, catalogue in alone.items()}
    assert not ids["a"] & ids["b"]
    assert ids["a"] == ids["copy"]
    assert ids["sky"] & ids["same_sky"]
    for catalogue in alone.values():
        assert len(set(catalogue["source_id"])) == len(catalogue)


def test_identifiers_stay_as_they_are_where_names_differ(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    one = write_picture(tmp_path / "a" / "one.png", picture(64, 64, {(16, 32): "red"}))
    two = write_picture(tmp_path / "b" / "two.png", picture(64, 64, {(16, 32): "red"}))
    together = galpipe.run([two, one], tmp_path / "together", **models).catalogue
    alone = galpipe.run(one, tmp_path / "alone", **models).catalogue
    assert_equal(plain(together.of_field("one")), plain(alone))
