"""A field searched by windows gives the catalogue of the same field in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from galpipe.imaging.boxes import iou, suppress
from galpipe.pipeline.field_processing import FieldModels, FieldResult, process_field

from .conftest import sky_wcs

SIDE = 760


def galaxies(rng: np.random.Generator) -> NDArray[np.float64]:
    """Exponential discs on a grid, and a large one that several windows share, on noise."""
    light = 100 + rng.normal(0, 3, (SIDE, SIDE)) + np.linspace(0, 20, SIDE)
    grid = [(x, y) for x in range(70, SIDE, 125) for y in range(75, SIDE, 125)]
    places = [
        (x, y, float(np.exp(rng.uniform(0.7, 1.9))))
        for x, y in grid
        if np.hypot(x - 450, y - 430) > 170
    ]
    for x, y, scale in [*places, (450.0, 430.0, 26.0)]:
        reach = int(9 * scale)
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        down, across = np.mgrid[top : min(int(y) + reach, SIDE), left : min(int(x) + reach, SIDE)]
        turn, flat = rng.uniform(0, np.pi), rng.uniform(0.5, 0.9)
        along = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
        beside = ((down - y) * np.cos(turn) - (across - x) * np.sin(turn)) / flat
        light[down, across] += 900 * np.exp(-np.hypot(along, beside) / scale)
    return light


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FieldResult]:
    """The field in memory, by windows, and with a reduced field for the large galaxy."""
    path = tmp_path_factory.mktemp("large") / "field.fits"
    pixels = np.round(galaxies(np.random.default_rng(3))).astype(np.int16)
    header = sky_wcs(SIDE, SIDE).to_header()
    header.update({"FILTER": "r", "GAIN": 2.0})
    fits.PrimaryHDU(pixels, header).writeto(path)
    models = FieldModels(classifier="galaxy10_cnn")
    found = {"whole": process_field(path, models)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galpipe.imaging.open_field._WHOLE", 1000)
        patch.setattr("galpipe.imaging.large_field._STRIP", 2**17)
        patch.setattr("galpipe.detection.pieces._SQUARE", 300)
        found["windows"] = process_field(path, models)
        patch.setattr("galpipe.detection.pieces._LARGE", 60)
        found["reduced"] = process_field(path, models)
    return found


def boxes(result: FieldResult) -> NDArray[np.float64]:
    return np.stack([result.rows[edge] for edge in ("xmin", "ymin", "xmax", "ymax")], axis=1)


@pytest.mark.parametrize("how", ["windows", "reduced"])
def test_rows_correspond_one_to_one(results: dict[str, FieldResult], how: str) -> None:
    whole, parts = results["whole"], results[how]
    assert len(whole.rows["x"]) == len(parts.rows["x"]) > 15
    shared = iou(boxes(whole), boxes(parts))
    match = shared.argmax(axis=1)
    assert sorted(match) == list(range(len(match)))
    assert shared.max(axis=1).min() > (0.8 if how == "windows" else 0.6)
    assert list(whole.rows) == list(parts.rows)
    # The stretch is measured on a sample, to half a per cent; fluxes follow from the boxes.
    assert np.abs(whole.rows["score"] - parts.rows["score"][match]).max() < 0.1
    tolerance = 0.02 if how == "windows" else 0.2
    for name in ("flux_r", "flux_err_r", "semi_major", "half_light_radius"):
        ratio = parts.rows[name][match] / whole.rows[name]
        assert np.abs(ratio - 1).max() < tolerance, name
    assert np.abs(whole.rows["sky_r"] - parts.rows["sky_r"][match]).max() < 0.6
    assert (whole.rows["class_id"] == parts.rows["class_id"][match]).mean() > 0.9


def test_what_is_measured_on_all_pixels_is_the_same(results: dict[str, FieldResult]) -> None:
    whole, parts = results["whole"].record, results["windows"].record
    assert parts.background == whole.background
    assert parts.quality["psf_fwhm"] == whole.quality["psf_fwhm"]
    assert parts.quality["saturated_fraction"] == whole.quality["saturated_fraction"]
    assert parts.sha256 == whole.sha256
    assert parts.corners == whole.corners
    assert parts.notes[-1].startswith("it is larger than fits into memory")


def test_pictures_of_a_large_field(
    results: dict[str, FieldResult],
) -> None:
    whole, parts = results["whole"], results["windows"]
    assert list(parts.crops) == parts.rows["source_id"].tolist()
    assert parts.overlay is not None
    assert parts.record.overlay_reduction == 2
    assert parts.overlay.shape[1] >= SIDE / 2
    assert whole.record.overlay_reduction == 1
    first = next(iter(parts.crops.values()))
    assert first.shape[0] > 20
    assert first[first.shape[0] // 2, first.shape[1] // 2].min() > 150


def test_only_neighbours_are_compared_in_many_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 300, (400, 2))
    sides = np.exp(rng.uniform(1, 5, (400, 2)))
    many = np.concatenate([corners, corners + sides], axis=1)
    many = np.concatenate([many, many + rng.normal(0, 1, many.shape), many[:50]])
    scores, classes = rng.uniform(0, 1, len(many)), rng.integers(0, 2, len(many))
    expected = [suppress(many, scores, 0.45), suppress(many, scores, 0.3, classes)]
    monkeypatch.setattr("galpipe.imaging.boxes._MANY", 10)
    np.testing.assert_array_equal(suppress(many, scores, 0.45), expected[0])
    np.testing.assert_array_equal(suppress(many, scores, 0.3, classes), expected[1])


def test_a_large_field_without_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).normal(100, 3, (300, 320)).astype(np.float32)
    fits.writeto(tmp_path / "empty.fits", noise)
    monkeypatch.setattr("galpipe.imaging.open_field._WHOLE", 1000)
    result = process_field(tmp_path / "empty.fits", FieldModels(classifier=None))
    assert len(result.rows["x"]) == 0
    assert "flux" in result.rows
