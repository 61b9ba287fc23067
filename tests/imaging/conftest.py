"""Small fields that the tests of this package share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.typing import NDArray

from galpipe.imaging import Field


@pytest.fixture
def wcs() -> WCS:
    """Tangential projection, 0.4 arcsec a pixel, turned by 30 degrees, around (150, 2) degrees."""
    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval = [150.0, 2.0]
    made.wcs.crpix = [20.5, 15.0]
    turn = np.deg2rad(30)
    made.wcs.cd = (
        np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * 0.4 / 3600
    )
    return made


@pytest.fixture
def noise() -> Callable[..., NDArray[np.float32]]:
    """Seeded sky noise of a given shape, level and sigma."""

    def make(shape: tuple[int, ...], level: float = 0, sigma: float = 1) -> NDArray[np.float32]:
        return np.random.default_rng(7).normal(level, sigma, shape).astype(np.float32)

    return make


@pytest.fixture
def make_field() -> Callable[..., Field]:
    """A field around an array of pixels."""

    def make(pixels: NDArray[Any], **settings: Any) -> Field:
        settings.setdefault("linear", pixels.dtype.kind != "u")
        settings.setdefault("bad", np.zeros(pixels.shape[:2], dtype=bool))
        return Field(pixels, "field", (Path("field.fits"),), "0" * 64, **settings)

    return make
