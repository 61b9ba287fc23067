from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from astropy.io import fits

from galpipe.imaging import Band, Field, Stretch, prepare_field, read_field
from galpipe.imaging.quality import FieldQuality
from galpipe.imaging.saturation import saturated_pixels
from galpipe.imaging.text import note_strip
from galpipe.simulation import simulate_field


def quality(field: Field) -> FieldQuality:
    return prepare_field(field, Stretch(), (1.3, 4.0)).quality


@pytest.fixture(scope="module")
def ordinary() -> Field:
    return simulate_field(5, width=500, height=400, galaxies=6, stars=40).field


def test_an_ordinary_field_has_numbers_and_no_note(ordinary: Field) -> None:
    found = quality(ordinary)
    assert found.notes == ()
    assert found.psf_fwhm == pytest.approx(3.3, rel=0.05)
    assert found.psf_stars >= 5
    assert found.covered_fraction == pytest.approx(0.05, abs=0.03)
    assert found.source_density == pytest.approx(20, abs=15)
    assert "notes" not in found.as_dict()


def test_a_cluster_of_stars_is_crowded() -> None:
    field = simulate_field(5, width=300, height=300, galaxies=1, stars=700).field
    (note,) = quality(field).notes
    assert note.startswith("it is crowded")


def test_a_nebula_is_diffuse(ordinary: Field) -> None:
    rng = np.random.default_rng(0)
    cloud = sum(
        scale * cv2.GaussianBlur(rng.normal(0, 1, ordinary.bad.shape), (0, 0), scale)
        for scale in (6, 12, 25, 50)
    )
    cloud = np.maximum(cloud - np.quantile(cloud, 0.4), 0) / cloud.std()
    pixels = ordinary.pixels + 10 * cloud[..., None] * np.array([0.05, 0.03, 0.018])
    (note,) = quality(replace(ordinary, pixels=pixels.astype(np.float32))).notes
    assert note.startswith("diffuse light covers")


def test_a_galaxy_that_fills_the_field_is_not_crowded() -> None:
    y, x = np.mgrid[:500, :500] - 250
    radius, azimuth = np.hypot(x, y), np.arctan2(y, x)
    arms = 1 + 0.5 * np.cos(2 * azimuth - 5 * np.log(radius + 5))
    noise = np.random.default_rng(0).normal(100, 5, radius.shape)
    field = read_field((400 * np.exp(-radius / 110) * arms + noise).astype(np.float32))
    (note,) = quality(field).notes
    assert note.startswith("diffuse light covers")


def test_saturation(ordinary: Field) -> None:
    clipped = replace(ordinary, pixels=np.minimum(ordinary.pixels, 0.6))
    found = quality(clipped)
    assert found.saturated_fraction > 0.005
    assert any("saturated" in note for note in found.notes)
    assert not saturated_pixels(ordinary).any()
    bands = tuple(Band(saturation=0.6) for _ in range(3))
    by_header = saturated_pixels(replace(ordinary, bands=bands))
    np.testing.assert_array_equal(by_header, (ordinary.pixels >= 0.6).any(axis=2))


def test_a_negative_and_a_field_of_few_valid_pixels(ordinary: Field) -> None:
    (note,) = quality(replace(ordinary, pixels=100 - ordinary.pixels)).notes
    assert "negative" in note
    bad = np.zeros_like(ordinary.bad)
    bad[:, 200:] = True
    assert "60% of its pixels have no valid data" in quality(replace(ordinary, bad=bad)).notes


@pytest.mark.parametrize(
    ("cards", "photographic"),
    [
        ({"SURVEY": "POSSII-F", "PLATEID": "A0CV"}, True),
        ({"SURVEY": "DSS2 Red"}, True),
        ({"EMULSION": "IIIaJ", "PLATENUM": "J3721"}, True),
        ({"AMDX1": 67.2, "AMDY1": 67.2, "PLTRAH": 5}, True),
        ({"SURVEY": "SDSS", "PLATEID": 2583}, False),
        ({"PLTSCALE": 0.262, "EMULSION": "NONE"}, False),
        ({}, False),
    ],
)
def test_a_scan_of_a_photographic_plate(
    ordinary: Field, cards: dict[str, object], photographic: bool
) -> None:
    hdu = fits.PrimaryHDU(ordinary.pixels[..., 1], fits.Header(cards))
    field = read_field(hdu)
    assert field.photographic == photographic
    notes = quality(field).notes
    assert len(notes) == photographic
    assert all(note.startswith("it is a scan of a photographic plate") for note in notes)


def test_notes_are_written_in_lines_below_a_picture() -> None:
    assert note_strip([], 300, 10).shape == (0, 300, 3)
    one = note_strip(["short"], 300, 10)
    several = note_strip(["short", "a note of many words, too long for one line " * 2], 300, 10)
    assert several.shape[0] >= 3 * one.shape[0]
    assert several.shape[1] == 300
