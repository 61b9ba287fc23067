from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import galpipe
from galpipe.errors import MissingExtraError
from galpipe.pipeline.collect import collect
from galpipe.pipeline.coverage import COVERAGE_NAME

from .conftest import write_fits

SQUARES = {(16, 32): "red", (80, 64): "blue"}


def test_the_coverage_is_the_area_of_the_fields(
    tmp_path: Path,
    good_fits: Path,
    good_picture: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    mocpy = pytest.importorskip("mocpy")
    out = tmp_path / "out"
    # A field that covers a part of the other one, finer, and a picture without a place.
    finer = write_fits(tmp_path / "in" / "finer.fits", SQUARES, side=96)
    chosen = [f"--{name}={path}" for name, path in models.items()]
    inputs = [good_fits, finer, good_picture]
    done = galpipe_cli("run", *inputs, "-o", out, *chosen, "--coverage")
    assert done.exit_code == 0, done.output
    assert f"coverage: {out / COVERAGE_NAME}" in done.output
    assert f"{COVERAGE_NAME} is without 1 of the fields" in " ".join(done.output.split())
    coverage = mocpy.MOC.load(out / COVERAGE_NAME, format="fits")
    result = collect(out)
    table = result.catalogue.table
    placed = np.isfinite(table["ra"])
    assert placed.sum() >= 4
    assert coverage.contains_lonlat(table["ra"][placed], table["dec"][placed]).all()
    side = 128 * 0.4 / 3600  # degrees
    area = coverage.sky_fraction * 4 * np.pi * np.rad2deg(1) ** 2
    # Cells of 1/32 to 1/64 of the side, of which those on the edge are included whole.
    assert side**2 <= area <= (side * (1 + 2 / 32)) ** 2 * 1.1
    outside = np.array(result.record.fields[0].corners[0]) + np.array([2, 2]) * side
    assert not coverage.contains_lonlat(*(outside[:, np.newaxis] * table["ra"].unit)).any()
    # Without the option, it would be out of date.
    galpipe.run(inputs, out, **models)
    assert not (out / COVERAGE_NAME).exists()


def test_the_coverage_of_a_finished_run_is_written_when_it_is_collected(
    tmp_path: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    mocpy = pytest.importorskip("mocpy")
    out = tmp_path / "out"
    galpipe.run(good_fits, out, **models)
    assert not (out / COVERAGE_NAME).exists()
    collect(out, coverage=True)
    # Cells of 0.8 arcsec, 1/64 of 128 pixels of 0.4 arcsec.
    assert mocpy.MOC.load(out / COVERAGE_NAME, format="fits").max_order == 18


def test_the_missing_extra_is_named_before_anything_is_done(
    tmp_path: Path, good_fits: Path, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mocpy", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[sky\]"):
        galpipe.run(good_fits, tmp_path / "out", **models, coverage=True)
    assert not (tmp_path / "out").exists()
