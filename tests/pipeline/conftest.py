from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

# Bright enough for the tiny detector (mean over 0.5), and of one colour each for the classifier.
COLOURS = {"red": (255, 150, 150), "green": (150, 255, 150), "blue": (150, 150, 255)}


DATE = re.compile(rb"20\d\d-\d\d-\d\dT[\d:+]+")


def picture(width: int, height: int, squares: dict[tuple[int, int], str]) -> np.ndarray:
    """RGB picture with 16-pixel squares of a colour at corners (x, y)."""
    rgb = np.zeros((height, width, 3), np.uint8)
    for (x, y), colour in squares.items():
        rgb[y : y + 16, x : x + 16] = COLOURS[colour]
    return rgb


def write_picture(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


def undated(path: Path) -> bytes:
    """Content of a file of a run, without the time of its start."""
    content = path.read_bytes()
    return DATE.sub(b"DATE", content) if path.name == "report.html" else content


def sky_wcs(width: int, height: int) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [312.75, -5.2]
    wcs.wcs.crpix = [(width + 1) / 2, (height + 1) / 2]
    angle = np.radians(30)
    scale = 0.4 / 3600
    wcs.wcs.cd = scale * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return wcs


def write_fits(path: Path, squares: dict[tuple[int, int], str], side: int = 128) -> Path:
    """Three-plane cube with noise, squares at array corners (x, y), and a rotated TAN WCS."""
    rgb = picture(side, side, squares).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 1, rgb.shape).astype(np.float32)
    header = sky_wcs(side, side).to_header()
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(np.moveaxis(rgb * 4 + noise, 2, 0), header).writeto(path)
    return path


@pytest.fixture
def good_picture(tmp_path: Path) -> Path:
    rgb = picture(128, 128, {(16, 32): "red", (80, 64): "blue"})
    return write_picture(tmp_path / "in" / "good.png", rgb)


@pytest.fixture
def good_fits(tmp_path: Path) -> Path:
    return write_fits(tmp_path / "in" / "sky.fits", {(16, 32): "red", (80, 64): "blue"})


@pytest.fixture
def bad_inputs(tmp_path: Path, good_picture: Path) -> dict[str, Path]:
    """Everything that a user may give by mistake, by what is wrong with it."""
    folder = tmp_path / "bad"
    folder.mkdir()
    jpeg = folder / "truncated.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    cv2.imwrite(str(jpeg), noise)
    jpeg.write_bytes(jpeg.read_bytes()[:2000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.fits").write_text("SIMPLE words, no image\n")
    fits.HDUList([fits.PrimaryHDU()]).writeto(folder / "no_image.fits")
    write_picture(folder / "one_pixel.png", np.zeros((1, 1, 3), np.uint8))
    fits.PrimaryHDU(np.full((64, 64), np.nan, np.float32)).writeto(folder / "all_nan.fits")
    (folder / "no_images").mkdir()
    found = {path.stem: path for path in folder.iterdir()}
    found["missing"] = folder / "missing.fits"
    return found


@pytest.fixture
def nonsense_wcs(tmp_path: Path) -> Path:
    path = write_fits(tmp_path / "in" / "nonsense_wcs.fits", {(16, 32): "red"})
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["CTYPE1"] = "NO---SUCH"
        hdus[0].header["CRVAL2"] = 1e30
    return path


@pytest.fixture
def contents() -> Callable[[Path], set[str]]:
    """Names of all files under a folder, without the parts of the catalogue."""

    def names(folder: Path) -> set[str]:
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
        return {name for name in found if not name.startswith("parts/")}

    return names
