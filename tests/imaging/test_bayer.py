from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from galpipe.imaging import read_field
from galpipe.imaging.bayer import bayer_pattern, debayer

HEIGHT, WIDTH = 24, 40
LEVELS = {"R": 10.0, "G": 20.0, "B": 30.0}


def mosaic(pattern: str, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """A raw frame of a uniform colour."""
    cells = np.array([LEVELS[colour] for colour in pattern], np.float32).reshape(2, 2)
    return np.tile(cells, (height // 2 + 1, width // 2 + 1))[:height, :width]


@pytest.mark.parametrize(
    ("cards", "height", "pattern"),
    [
        ({}, 24, None),
        ({"BAYERPAT": "unknown"}, 24, None),
        ({"BAYERPAT": "RGGB    "}, 24, "RGGB"),
        ({"COLORTYP": "GBRG"}, 24, "GBRG"),
        ({"BAYERPAT": "RGGB", "XBAYROFF": 1}, 24, "GRBG"),
        ({"BAYERPAT": "RGGB", "YBAYROFF": 1}, 24, "GBRG"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "TOP-DOWN"}, 24, "RGGB"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 24, "GBRG"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 25, "RGGB"),
    ],
)
def test_pattern(cards: dict[str, Any], height: int, pattern: str | None) -> None:
    assert bayer_pattern([fits.Header(cards)], height) == pattern


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
@pytest.mark.parametrize("shape", [(24, 40), (25, 41)])
def test_a_uniform_colour_stays_uniform(pattern: str, shape: tuple[int, int]) -> None:
    bad = np.zeros(shape, bool)
    bad[5, 6] = True
    raw = mosaic(pattern, *shape)
    raw[5, 6] = 1e6
    colours = debayer(raw, bad, pattern)[~bad]
    assert_allclose(colours, np.broadcast_to(list(LEVELS.values()), colours.shape), rtol=1e-6)


def test_measured_values_stay_and_the_flux_of_a_star_too() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    star = np.exp(-((x - 20.3) ** 2 + (y - 11.7) ** 2) / 2 / 2.0**2).astype(np.float32)
    colours = debayer(star, np.zeros(star.shape, bool), "RGGB")
    assert_array_equal(colours[::2, ::2, 0], star[::2, ::2])
    assert_allclose(colours.sum((0, 1)), star.sum(), rtol=0.02)


def test_raw_frames_are_read_in_colour(tmp_path: Path) -> None:
    raw = mosaic("GBRG").astype(np.uint16) * 100
    header = fits.Header({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP", "SATURATE": 65535})
    fits.writeto(tmp_path / "raw.fits", raw, header)
    field = read_field(tmp_path / "raw.fits")
    assert_allclose(field.pixels[7, 9], [1000, 2000, 3000])
    assert field.origin == "lower"
    assert [band.saturation for band in field.bands] == [65535] * 3
    assert "debayered" in field.notes[0]
    header["ROWORDER"] = "TOP-DOWN"
    fits.writeto(tmp_path / "top.fits", mosaic("RGGB"), header)
    field = read_field(tmp_path / "top.fits")
    assert_allclose(field.pixels[7, 9], [10, 20, 30])
    assert field.origin == "upper"
    # A cube is in colour already.
    fits.writeto(tmp_path / "cube.fits", np.stack([mosaic("RGGB")] * 3), header)
    assert_array_equal(read_field(tmp_path / "cube.fits").pixels[..., 0], mosaic("RGGB"))
