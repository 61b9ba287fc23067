from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from galpipe.annotations import read_voc
from galpipe.annotations.classical_detection import (
    SHAPES,
    WEIGHTS,
    find_isophotes,
    galaxy_probability,
    products,
)
from galpipe.annotations.propose import (
    CERTAIN,
    DOUBTFUL,
    SMALLEST,
    THRESHOLD,
    propose_galaxies,
    proposed_objects,
)
from galpipe.errors import InputError, MissingExtraError
from galpipe.imaging import Detections, iou, read_field, to_rgb
from galpipe.simulation import SimulatedField, simulate_field

sep = pytest.importorskip("sep")


@pytest.fixture(scope="module")
def field() -> SimulatedField:
    return simulate_field(1, width=512, height=448, galaxies=8, stars=25)


@pytest.fixture(scope="module")
def rgb(field: SimulatedField) -> np.ndarray:
    return to_rgb(field.field)


def test_galaxies_are_proposed_and_stars_are_not(field: SimulatedField, rgb: np.ndarray) -> None:
    truth = field.annotated
    found = propose_galaxies(rgb)
    certain = found.select(found.scores >= CERTAIN)
    overlap = iou(certain.boxes, truth.boxes)
    hits = (overlap[:, ~truth.difficult].max(axis=0) >= 0.5).sum()
    assert hits >= 0.6 * (~truth.difficult).sum()
    assert (overlap.max(axis=1) >= 0.3).mean() >= 0.8
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores >= DOUBTFUL).all()


def test_boxes_are_isophotes() -> None:
    y, x = np.mgrid[:200, :200]
    light = 8 + 200 * np.exp(-((x - 80) ** 2 / 2 / 15**2 + (y - 90) ** 2 / 2 / 8**2))
    [box] = find_isophotes(np.repeat(light[..., None], 3, 2).astype(np.uint8), 40.0).boxes
    # Without noise a unit of it is half a count: the isophote is 20 counts above the sky of 8.
    reach = np.sqrt(2 * np.log(200 / 20)) * np.array([15, 8])
    centre = np.array([80.5, 90.5])
    np.testing.assert_allclose(box, [*(centre - reach), *(centre + reach)], atol=1)


def test_what_is_smaller_is_left_out(rgb: np.ndarray) -> None:
    every, large = (propose_galaxies(rgb, smallest=least).boxes for least in (SMALLEST, 40))
    longer = (every[:, 2:] - every[:, :2]).max(axis=1)
    assert longer.min() >= SMALLEST
    np.testing.assert_array_equal(every[longer >= 40], large)
    assert 0 < len(large) < len(every)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_sources(value: int) -> None:
    assert len(propose_galaxies(np.full((50, 60, 3), value, np.uint8))) == 0


def test_a_single_source_has_a_shape() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[20:30, 20:40] = 200
    # The isophote at 100 counts, half of the peak, is where the smoothed edge was.
    sources = find_isophotes(rgb, 200.0)
    assert sources.shapes.shape == (1, len(SHAPES))
    assert np.isfinite(sources.shapes).all()
    shape = dict(zip(SHAPES, np.exp(sources.shapes[0]), strict=True))
    assert shape["peak"] == pytest.approx(2, rel=0.01)
    assert shape["size"] == pytest.approx(200, rel=0.05)
    assert shape["core"] == pytest.approx(1, rel=0.05)
    assert shape["roundness"] == pytest.approx(0.5, abs=0.05)


def test_half_of_the_light_is_counted_from_the_peak() -> None:
    y, x = np.mgrid[:401, :401]
    light = 200 * np.exp(-((x - 200) ** 2 + (y - 200) ** 2) / 2 / 15**2)
    sources = find_isophotes(np.repeat(light[..., None], 3, 2).astype(np.uint8), 4.0)
    [shape] = np.exp(sources.shapes)
    # Down to a level of 2 counts: the light within r is 1 - exp(-r^2 / 2 s^2).
    inside = 2 * np.pi * 15**2 * np.log(200 / 2)
    half = 2 * np.pi * 15**2 * np.log(2 / (1 + 2 / 200))
    assert shape[1] == pytest.approx(inside, rel=0.05)
    assert shape[3] == pytest.approx(half / inside, rel=0.05)
    assert shape[4] == pytest.approx(2 * np.log(100) / (1 - np.log(100) / 99), rel=0.1)


def test_the_surface_is_quadratic() -> None:
    assert len(WEIGHTS) == products(np.zeros((1, len(SHAPES)))).shape[1] == 36
    np.testing.assert_array_equal(products(np.array([[2.0, 3.0]])), [[1, 2, 3, 4, 6, 9]])
    shapes = np.array([[0.0], [2.0], [1e9]])
    np.testing.assert_allclose(
        galaxy_probability(shapes, (0.0, 1.0, 0.0)), [0.5, 1 / (1 + np.exp(-2)), 1]
    )


def test_too_crowded_a_picture_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object, **__: object) -> None:
        raise Exception("object deblending overflow")

    monkeypatch.setattr(sep, "extract", overflow)
    with pytest.raises(InputError, match="deblending overflow"):
        propose_galaxies(np.zeros((64, 64, 3), np.uint8))


def test_sep_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sep", None)
    with pytest.raises(MissingExtraError, match="annotations"):
        propose_galaxies(np.zeros((64, 64, 3), np.uint8))


def test_proposals_become_objects() -> None:
    boxes = [(0, 5, 20.4, 30), (40.6, 40, 60, 60), (70, 80, 100, 90)]
    found = Detections(boxes, [0.9, 0.3, 0.4], [1, 0, 0])
    objects = proposed_objects(found, ("spiral", "ring"), 0.4, 100, 100)
    assert [box.edges for box in objects] == [(0, 5, 20, 30), (41, 40, 60, 60), (70, 80, 100, 90)]
    assert [box.label for box in objects] == ["ring", "spiral", "spiral"]
    assert [box.difficult for box in objects] == [False, True, False]
    assert [box.truncated for box in objects] == [True, False, True]


def test_survey_frames(galpipe_data: Path) -> None:
    found = hits = galaxies = 0
    for path in sorted((galpipe_data / "fields" / "annotations").iterdir())[:4]:
        truth = read_voc(path)
        rgb = read_field(galpipe_data / "fields" / "jpeg" / f"{path.stem}.jpg").pixels
        proposals = propose_galaxies(rgb)
        certain = proposals.select(proposals.scores >= CERTAIN)
        overlap = iou(certain.boxes, truth.boxes)
        found += int((overlap[:, truth.difficult].max(axis=1, initial=0) < 0.3).sum())
        hits += int((overlap[:, ~truth.difficult].max(axis=0, initial=0) >= 0.5).sum())
        galaxies += int((~truth.difficult).sum())
    assert hits / galaxies > 0.7
    assert hits / found > 0.7


def test_a_gradient_of_the_sky_hides_nothing_on_a_field() -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:600, :900] + 0.5
    light = rng.normal(20, 2, (600, 900)) + 15 * x / 900
    places = [(120, 130), (460, 300), (780, 480)]
    for px, py in places:
        light += 90 * np.exp(-(((x - px) / 12) ** 2 + ((y - py) / 7) ** 2) / 2)
    rgb = np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    boxes = find_isophotes(rgb, THRESHOLD).boxes
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    found = centres[longer > 25]
    assert len(found) == len(places)
    assert np.abs(found[np.argsort(found[:, 0])] - places).max() < 3
