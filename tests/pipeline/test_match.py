from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from click.testing import Result

from galpipe.errors import ConfigError, InputError, OutputError
from galpipe.pipeline.match import match

Cli = Callable[..., Result]
ARCSEC = 1 / 3600
OBJECT = 1237648720693755918  # more digits than a float64 holds


def positions(count: int = 40, ra: float = 150.0, dec: float = 60.0) -> tuple[Any, Any]:
    """Random places of a square of 0.2 degrees, in order of declination."""
    rng = np.random.default_rng(1)
    north = np.sort(rng.uniform(-0.1, 0.1, count))
    place = SkyCoord(ra, dec, unit="deg").spherical_offsets_by(
        rng.uniform(-0.1, 0.1, count) * u_deg(), north * u_deg()
    )
    return place.ra.deg, place.dec.deg


def u_deg() -> Any:
    from astropy import units

    return units.deg


def moved(ra: Any, dec: Any, east: float, north: float) -> tuple[Any, Any]:
    """The positions moved by arcseconds."""
    return ra + east * ARCSEC / np.cos(np.deg2rad(dec)), dec + north * ARCSEC


@pytest.fixture
def found(tmp_path: Path) -> Path:
    ra, dec = moved(*positions(), 0.3, -0.2)
    path = tmp_path / "found.csv"
    Table({"source_id": [f"s{n}" for n in range(40)], "ra": ra, "dec": dec}).write(path)
    return path


def reference(path: Path, names: tuple[str, str] = ("RAJ2000", "DEJ2000"), **kind: Any) -> Path:
    ra, dec = positions()
    table = Table({"objID": np.arange(40) + OBJECT, names[0]: ra, names[1]: dec})
    for name in names:
        table[name].unit = "deg"
    table.write(path, **kind)
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("other.fits", "fits"),
        ("other.vot", "votable"),
        ("other.ecsv", "ascii.ecsv"),
        ("other.csv", "ascii.csv"),
        ("other.parquet", "parquet"),
    ],
)
def test_formats_and_offsets(tmp_path: Path, found: Path, name: str, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    result = match(found, reference(tmp_path / name, format=kind), output=tmp_path / "out")
    metrics = result.metrics
    assert (metrics["matched"], metrics["completeness"], metrics["purity"]) == (40, 1, 1)
    assert metrics["median_delta_ra_cos_dec_arcsec"] == pytest.approx(0.3, abs=1e-3)
    assert metrics["median_delta_dec_arcsec"] == pytest.approx(-0.2, abs=1e-3)
    assert metrics["scatter_delta_dec_arcsec"] == pytest.approx(0, abs=1e-3)
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written["completeness"] == 1
    table = Table.read(tmp_path / "out" / "matched.ecsv", format="ascii.ecsv")
    assert table.colnames == [
        *("source_id", "ra", "dec", "separation"),
        *("other_objID", "other_RAJ2000", "other_DEJ2000"),
    ]
    assert table["other_objID"].tolist() == [OBJECT + n for n in range(40)]
    assert table["source_id"].tolist() == [f"s{n}" for n in range(40)]
    np.testing.assert_allclose(table["separation"], np.hypot(0.3, 0.2), atol=1e-3)
    assert len(Table.read(tmp_path / "out" / "matched.csv")) == 40


def test_each_source_is_matched_once(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    Table({"ra": np.array([0, 1.5, 60]) * ARCSEC, "dec": [0.0, 0, 0]}).write(ours)
    # across 0 hours
    Table({"ra": [359.9999, 0.5 * ARCSEC, 0.01], "dec": [0.0, 0, 0]}).write(theirs)
    result = match(ours, theirs)
    assert len(result.table) == 1
    assert result.table["separation"].tolist() == [0.36]
    assert result.metrics["completeness"] == result.metrics["purity"] == 0.3333
    assert match(ours, theirs, radius=100).table["separation"].tolist() == [0.36, 24.0]


@pytest.mark.parametrize(("ra", "dec"), [(150.0, 89.97), (0.0, 0.0), (210.0, -45.0)])
def test_only_the_fields_count(tmp_path: Path, ra: float, dec: float) -> None:
    east, north = positions(200, ra, dec)
    centre = SkyCoord(ra, dec, unit="deg")
    side = 0.05 * u_deg()
    corners = [
        centre.spherical_offsets_by(x * side, y * side)
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    across, up = centre.spherical_offsets_to(SkyCoord(east, north, unit="deg"))
    inside = (abs(across.deg) < 0.05) & (abs(up.deg) < 0.05)
    assert 20 < inside.sum() < 80
    Table({"ra": east[inside][::2], "dec": north[inside][::2]}).write(tmp_path / "catalogue.csv")
    Table({"raMean": east, "decMean": north}).write(tmp_path / "other.csv")
    square = {"corners": [(corner.ra.deg, corner.dec.deg) for corner in corners]}
    # A picture among the fields has no place on the sky.
    record = {"fields": [square, {"corners": []}]}
    (tmp_path / "run.json").write_text(json.dumps(record))
    result = match(tmp_path / "catalogue.csv", tmp_path / "other.csv")
    assert result.metrics["other_sources"] == inside.sum()
    assert result.metrics["completeness"] == pytest.approx(0.5, abs=0.02)
    assert result.notes == (
        f"{200 - inside.sum()} sources of the other catalogue are outside the fields",
    )


def test_unknown_fields_are_said(tmp_path: Path, found: Path) -> None:
    other = reference(tmp_path / "other.csv")
    assert "completeness holds only if" in match(found, other).notes[0]
    for content in ({"fields": [{"corners": []}]}, {"fields": [{}]}, [], {"fields": 3}):
        (tmp_path / "run.json").write_text(json.dumps(content))
        assert "completeness holds only if" in match(found, other).notes[0]


def test_no_match_is_said(tmp_path: Path, found: Path) -> None:
    ra, dec = moved(*positions(), 0.0, 5.0)
    Table({"ra": ra, "dec": dec}).write(tmp_path / "other.csv")
    result = match(found, tmp_path / "other.csv", output=tmp_path / "out")
    assert result.metrics["completeness"] == 0
    assert result.metrics["median_delta_dec_arcsec"] is None
    assert "the closest: 5.2" in result.notes[-1]
    assert len(Table.read(tmp_path / "out" / "matched.ecsv", format="ascii.ecsv")) == 0


def test_rows_without_a_position_are_left_out(tmp_path: Path, found: Path) -> None:
    ra, dec = positions()
    ra[3] = np.nan
    Table({"ra": ra, "dec": dec}).write(tmp_path / "other.csv")
    result = match(found, tmp_path / "other.csv")
    assert result.metrics["other_sources"] == 39
    assert "1 rows of other.csv have no sky coordinates" in result.notes


def test_mistakes_are_named(tmp_path: Path, found: Path) -> None:
    Table({"a": [1.0], "b": [2.0]}).write(tmp_path / "plain.csv")
    with pytest.raises(InputError, match=r"plain\.csv has no sky coordinates.*it has a, b"):
        match(found, tmp_path / "plain.csv")
    with pytest.raises(InputError, match="no column 'alpha'"):
        match(found, found, ra="alpha")
    Table({"ra": [np.nan, np.nan], "dec": [1.0, 2.0]}).write(tmp_path / "empty.ecsv")
    with pytest.raises(InputError, match="in any row"):
        match(tmp_path / "empty.ecsv", found)
    with pytest.raises(ConfigError, match="radius"):
        match(found, found, radius=0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"mine\.txt"):
        match(found, found, output=tmp_path / "out")


def test_command(tmp_path: Path, found: Path, galpipe_cli: Cli) -> None:
    other = reference(tmp_path / "other.csv", names=("alpha", "delta"))
    result = galpipe_cli("match", found, other)
    assert result.exit_code == 1
    assert "--ra" in result.output
    out = tmp_path / "out"
    arguments = ["match", found, other, "--ra", "alpha", "--dec", "delta", "--radius", 1, "-o", out]
    result = galpipe_cli(*arguments)
    assert result.exit_code == 0, result.output
    assert "completeness" in result.output
    assert "note: the fields" in result.output
    assert (out / "matched.ecsv").is_file()
    assert galpipe_cli(*arguments).exit_code == 2
    assert galpipe_cli(*arguments, "--overwrite").exit_code == 0
