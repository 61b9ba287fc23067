from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import galpipe
from galpipe.imaging.sky import pixels_of, sky_of
from galpipe.pipeline import Catalogue
from galpipe.pipeline.collect import collect
from galpipe.pipeline.overlaps import resolve_overlaps
from galpipe.pipeline.provenance import FieldRecord
from galpipe.pipeline.result_lines import FieldRows

SCALE = 0.4  # arcsec per pixel
SIDE = 200  # pixels


def tan(ra: float, dec: float, angle: float, scale: float = SCALE, mirrored: bool = False) -> WCS:
    """Gnomonic projection, turned by an angle in degrees, of fields of SIDE pixels."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(SIDE + 1) / 2] * 2
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    flip = np.diag([1 if mirrored else -1, 1])
    wcs.wcs.cd = scale / 3600 * flip @ np.array([[cosine, -sine], [sine, cosine]])
    return wcs


def field_rows(name: str, wcs: WCS | None, boxes: NDArray[Any], size: int = SIDE) -> FieldRows:
    """Results of a field whose objects have these boxes."""
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 4).round(2)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    ra = dec = np.full(len(boxes), np.nan)
    corners: tuple[tuple[float, float], ...] = ()
    scale = None
    if wcs is not None:
        ra, dec = sky_of(wcs, *middle.T)
        places = sky_of(wcs, np.array([0.0, size, size, 0]), np.array([0.0, 0, size, size]))
        corners = tuple(zip(*(place.round(6).tolist() for place in places), strict=True))
        scale = 3600 * float(np.sqrt(abs(np.linalg.det(wcs.wcs.cd))))
    rows = {"source_id": np.array([f"{name}-{n}" for n in range(len(boxes))], dtype=str)}
    rows |= {"ra": ra, "dec": dec, "x": middle[:, 0], "y": middle[:, 1]}
    rows |= dict(zip(("xmin", "ymin", "xmax", "ymax"), boxes.T, strict=True))
    objects = {"galaxy": len(boxes)}
    record = FieldRecord(
        name, (name,), f"{name:0>64}", size, size, scale, len(boxes), objects, {}, corners=corners
    )
    return FieldRows(record, rows if len(boxes) else {}, {})


def columns(results: list[FieldRows]) -> dict[str, NDArray[Any]]:
    groups = resolve_overlaps(results)
    rows = sum(len(result.rows.get("x", ())) for result in results)
    found = groups.columns(0, rows)
    assert len(groups) == found["primary"].sum()
    return found


FIELDS = st.lists(
    st.tuples(
        st.floats(-30, 30),  # arcsec east of the first
        st.floats(-30, 30),  # arcsec north
        st.sampled_from([0, 10, 45, 90, 200]),  # position angle
        st.sampled_from([0.7, 1, 1.6]),  # pixel scale over SCALE
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(
    FIELDS,
    st.sampled_from([(0.0, 0.0), (359.999, 60), (120, -89.99), (42, 90)]),
    st.integers(0, 2**16),
)
def test_every_galaxy_has_one_primary_row(
    fields: list[tuple[float, float, float, float, bool]], place: tuple[float, float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    sky = tan(*place, 0)
    # Galaxies of different sizes on a grid so wide that none overlap, some cut by edges.
    grid = np.stack(np.meshgrid(*[np.arange(0, SIDE, 25.0)] * 2), axis=-1).reshape(-1, 2)
    radii = random.uniform(4, 10, len(grid))
    ra, dec = sky_of(sky, *grid.T)
    results, truth = [], []
    for number, (east, north, angle, zoom, mirrored) in enumerate(fields):
        middle = np.array([[SIDE / 2 - east / SCALE], [SIDE / 2 + north / SCALE]])
        centre = (float(value[0]) for value in sky_of(sky, *middle))
        wcs = tan(*centre, angle, SCALE * zoom, mirrored)
        middle = np.stack(pixels_of(wcs, ra, dec), axis=1)
        half = radii[:, np.newaxis] / zoom * random.uniform(0.95, 1.05, (len(grid), 2))
        whole = np.concatenate([middle - half, middle + half], axis=1)
        boxes = np.clip(whole, 0, SIDE)
        sides = boxes[:, 2:] - boxes[:, :2]
        seen = np.flatnonzero((sides > 0.5 * half).all(axis=1))
        results.append(field_rows(f"f{number}", wcs, boxes[seen]))
        truth.append(seen)
    found = columns(results)
    galaxies = np.concatenate(truth)
    assert Counter(galaxies[found["primary"]].tolist()) == Counter(set(galaxies.tolist()))
    groups = dict(zip(found["group_id"].tolist(), galaxies.tolist(), strict=True))
    assert [groups[name] for name in found["group_id"].tolist()] == galaxies.tolist()
    counts = Counter(galaxies.tolist())
    assert found["n_detections"].tolist() == [counts[galaxy] for galaxy in galaxies.tolist()]
    # The order of the fields changes nothing.
    order = random.permutation(len(results))
    again = columns([results[number] for number in order])
    starts = np.cumsum([0, *map(len, truth)])
    rows = np.concatenate([np.arange(starts[n], starts[n + 1]) for n in order])
    for name, values in found.items():
        np.testing.assert_array_equal(again[name], values[rows], err_msg=name)


def test_the_primary_row_is_farthest_from_the_edge_of_its_field() -> None:
    first = field_rows("a", tan(10, 0, 0), [[20, 90, 40, 110], [150, 90, 170, 110]])
    # The field to the west begins 100 pixels farther on.
    west = tan(10 - 100 * SCALE / 3600, 0, 0)
    second = field_rows("b", west, [[50, 90, 70, 110], [20, 20, 30, 30]])
    found = columns([first, second])
    assert found["primary"].tolist() == [True, False, True, True]
    assert found["n_detections"].tolist() == [1, 2, 2, 1]
    assert found["group_id"].tolist() == ["a-0", "b-0", "b-0", "b-1"]


def test_a_galaxy_cut_by_an_edge_belongs_to_the_whole_one() -> None:
    step = 150 * SCALE / 3600
    whole = field_rows("a", tan(10, 0, 0), [[140, 90, 180, 110]])
    cut = field_rows("b", tan(10 - step, 0, 0), [[0, 90, 30, 110]])
    found = columns([cut, whole])
    assert found["primary"].tolist() == [False, True]
    assert found["group_id"].tolist() == ["a-0", "a-0"]
    # A small galaxy at the edge, in front of the large one, is another.
    small = field_rows("b", tan(10 - step, 0, 0), [[0, 90, 6, 96]])
    assert columns([small, whole])["primary"].all()


def test_two_galaxies_of_one_field_stay_apart() -> None:
    pair = [[90, 90, 110, 110], [98, 90, 118, 110]]
    first, second = field_rows("a", tan(10, 0, 0), pair), field_rows("b", tan(10, 0, 0), pair)
    assert columns([first])["primary"].all()
    found = columns([first, second])
    assert found["n_detections"].tolist() == [2, 2, 2, 2]
    assert found["group_id"].tolist()[:2] == found["group_id"].tolist()[2:]


def test_rows_without_a_place_are_alone() -> None:
    boxes = [[90, 90, 110, 110]]
    nowhere = field_rows("a", None, boxes)
    pole = field_rows("b", tan(10, 0, 0), boxes)
    object.__setattr__(pole.record, "corners", ((0.0, 90.0),) * 4)
    found = columns([nowhere, nowhere, pole, pole, field_rows("c", None, [])])
    assert found["primary"].all()
    assert found["n_detections"].tolist() == [1, 1, 1, 1]
    # Equal names are numbered, so that each object has its own.
    assert found["group_id"].tolist() == ["a-0", "a-0-2", "b-0", "b-0-2"]
    assert columns([])["primary"].tolist() == []


def test_many_exposures_of_one_place_need_little_memory() -> None:
    boxes = np.array([[20, 20, 40, 40], [120, 60, 160, 100]])
    wcs = tan(10, 0, 0)
    one = field_rows("a", wcs, boxes)
    count = 1500
    tracemalloc.start()
    groups = resolve_overlaps(one for _ in range(count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(groups) == 2
    assert set(groups.columns(0, 2 * count)["n_detections"].tolist()) == {count}
    # All pairs of rows would need gigabytes.
    assert peak < 100e6


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two overlapping cutouts of the demonstration field, with their own world coordinates."""
    folder = tmp_path_factory.mktemp("cutouts")
    demonstration = Path(galpipe.__path__[0], "pipeline/demonstration/demonstration.fits.fz")
    with fits.open(demonstration) as hdus:
        planes = next(hdu for hdu in hdus if hdu.data is not None)
        pixels, header = planes.data, planes.header
    width = pixels.shape[-1]
    paths = []
    for name, first, last in (("left", 0, 2 * width // 3), ("right", width // 3, width)):
        shifted = header.copy()
        shifted["CRPIX1"] -= first
        paths.append(folder / f"{name}.fits")
        fits.PrimaryHDU(pixels[..., first:last], shifted).writeto(paths[-1])
    return paths


def test_two_cutouts_of_one_frame_give_each_galaxy_one_primary_row(
    cutouts: list[Path], tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    out = tmp_path / "out"
    formats = ["--format", "ecsv", "--format", "fits"]
    done = galpipe_cli("detect", *cutouts, "-o", out, *formats, "--resolve-overlaps")
    assert done.exit_code == 0, done.output
    result = collect(out)
    counts = f"{result.tally.rows} galaxies, {result.tally.distinct} distinct"
    assert f"{counts}, in 2 fields" in done.output
    table = Catalogue.read(out / "catalogue.ecsv").table
    primary, groups = np.asarray(table["primary"]), table["group_id"].tolist()
    assert Counter(groups) == dict(zip(groups, table["n_detections"].tolist(), strict=True))
    assert primary.sum() == len(set(groups)) == result.tally.distinct < len(table)
    # In the pixels of the frame, a group is one galaxy, and no galaxy has two primary rows.
    left = np.array([field == "left" for field in table["field"]])
    shift = np.subtract(*(fits.getval(path, "CRPIX1") for path in cutouts))
    x = table["x"].value + np.where(left, 0, shift)
    place = np.stack([x, table["y"].value], axis=1)
    size = (table["ymax"] - table["ymin"]).value
    for group in set(groups):
        rows = [row for row, name in enumerate(groups) if name == group]
        assert np.ptp(place[rows], axis=0).max() < 0.3 * size[rows].max()
    apart = np.linalg.norm(place[primary][:, np.newaxis] - place[primary], axis=2)
    assert (apart + np.diag(np.full(primary.sum(), np.inf)) > 0.5 * size[primary]).all()
    binary = Catalogue.read(out / "catalogue.fits").table
    for name in ("group_id", "n_detections", "primary"):
        np.testing.assert_array_equal(binary[name], table[name])


def test_a_finished_run_is_resolved_when_it_is_collected(
    tmp_path: Path, good_fits: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    out = tmp_path / "out"
    plain = galpipe.run(good_fits, out, **models).catalogue
    assert "primary" not in plain.table.colnames
    done = galpipe_cli("collect", out, "--resolve-overlaps")
    assert done.exit_code == 0, done.output
    resolved = Catalogue.read(out / "catalogue.csv")
    assert resolved["primary"].all()
    assert resolved["group_id"].tolist() == plain["source_id"].tolist()
    # The plan of the run is as it was.
    assert "primary" not in collect(out).catalogue.table.colnames
