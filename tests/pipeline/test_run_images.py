from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import Result

import galpipe
from galpipe.pipeline.detect import detect

from .conftest import sky_wcs


@pytest.fixture
def mosaic(tmp_path: Path) -> Path:
    """Three CCDs without coordinates; the second has no usable pixel."""
    hdus = [fits.PrimaryHDU()]
    for number, corner in ((1, (16, 32)), (2, None), (3, (80, 64))):
        pixels = np.random.default_rng(number).normal(0, 1, (128, 128)).astype(np.float32)
        if corner is None:
            pixels[:] = np.nan
        else:
            x, y = corner
            pixels[y : y + 16, x : x + 16] += 900
        hdus.append(fits.ImageHDU(pixels, name=f"CCD{number}"))
    fits.HDUList(hdus).writeto(tmp_path / "mosaic.fits")
    return tmp_path / "mosaic.fits"


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Images of one place in three bands."""
    hdus = [fits.PrimaryHDU()]
    for number, band in enumerate("grz"):
        pixels = np.random.default_rng(number).normal(0, 1, (128, 128)).astype(np.float32)
        pixels[64:80, 64:80] += 900
        header = sky_wcs(128, 128).to_header()
        header["BAND"] = band
        hdus.append(fits.ImageHDU(pixels, header))
    fits.HDUList(hdus).writeto(tmp_path / "colours.fits")
    return tmp_path / "colours.fits"


def record(folder: Path) -> dict[str, list[dict[str, object]]]:
    content: dict[str, list[dict[str, object]]] = json.loads((folder / "run.json").read_text())
    return content


def test_every_ccd_is_searched_and_a_dead_one_is_named(
    galpipe_cli: Callable[..., Result], mosaic: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = galpipe_cli(
        "detect", mosaic, "-o", out, "--model", models["detector"], "--format", "voc"
    )
    assert done.exit_code == 1
    assert "mosaic.fits[CCD2] holds no finite pixel" in done.output
    assert "holds 3 fields, CCD1, CCD2 and CCD3; each is searched" in done.output
    table = Table.read(out / "catalogue.csv")
    assert set(table["field"]) == {"mosaic-CCD1", "mosaic-CCD3"}
    assert len(set(table["source_id"])) == len(table)
    assert all(name.startswith("mosaic-CCD") for name in table["source_id"])
    assert sorted(path.name for path in (out / "overlays").iterdir()) == [
        "mosaic-CCD1.png",
        "mosaic-CCD3.png",
    ]
    assert [field["images"] for field in record(out)["fields"]] == [["CCD1"], ["CCD3"]]


def test_an_image_alone_has_the_names_of_the_whole_run(
    galpipe_cli: Callable[..., Result], mosaic: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    names = []
    for place in (mosaic, f"{mosaic}[CCD3]", f"{mosaic}[3]"):
        out = tmp_path / str(len(names))
        galpipe_cli("detect", place, "-o", out, "--model", models["detector"])
        names.append(Table.read(out / "catalogue.csv")["source_id"].tolist())
    assert [name for name in names[0] if "CCD3" in name] == names[1] == names[2]
    missing = galpipe_cli("detect", f"{mosaic}[CCD9]", "-o", tmp_path / "x")
    assert missing.exit_code == 1
    assert "has no image 'CCD9'. It has the images CCD1, CCD2 and CCD3" in missing.output


def test_bands_are_chosen(
    galpipe_cli: Callable[..., Result], colours: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    detector = models["detector"]
    whole = detect(colours, tmp_path / "whole", model=detector)
    assert whole.record.fields[0].field == "colours"
    assert whole.record.fields[0].images == ()
    done = galpipe_cli(
        "detect", colours, "-o", tmp_path / "one", "--model", detector, "--bands", "r"
    )
    assert done.exit_code == 0, done.output
    assert record(tmp_path / "one")["fields"][0]["images"] == ["2"]
    done = galpipe_cli("detect", colours, "-o", tmp_path / "two", "--bands", "i,r,g")
    assert done.exit_code == 1
    assert "no bands i, r, g: it has g, r and z" in done.output
    done = galpipe_cli("detect", colours, "-o", tmp_path / "three", "--bands", "r,g")
    assert done.exit_code == 2
    assert "names 2 bands" in done.output


def test_identifiers_stay_unique(mosaic: Path, models: dict[str, Path], tmp_path: Path) -> None:
    with fits.open(mosaic) as hdus:
        fits.writeto(tmp_path / "mosaic-CCD1.fits", hdus["CCD1"].data)
    inputs = [mosaic, tmp_path / "mosaic-CCD1.fits"]
    result = galpipe.run(inputs, tmp_path / "out", **models)
    assert [done.field for done in result.record.fields] == [
        "mosaic-CCD1-2",
        "mosaic-CCD3",
        "mosaic-CCD1",
    ]
