from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from galpipe.datasets.sky_groups import overlapping_fields, same_position

SIDE = 100  # pixels of one arcsecond


def write_field(path: Path, ra: float, dec: float, turned: float = 0.0, side: int = SIDE) -> Path:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(side + 1) / 2] * 2
    a = np.radians(turned)
    wcs.wcs.cd = np.array([[-np.cos(a), np.sin(a)], [np.sin(a), np.cos(a)]]) / 3600
    noise = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    fits.PrimaryHDU(noise, wcs.to_header()).writeto(path)
    return path


@pytest.mark.parametrize(
    ("dec", "east", "north", "turned", "side", "share"),
    [
        (0, 101, 0, 0, SIDE, False),  # side by side
        (0, 100, 0, 0, SIDE, False),  # edge to edge
        (0, 99, 0, 0, SIDE, True),
        (60, 99, 0, 0, SIDE, True),
        (60, 101, 0, 0, SIDE, False),
        (0, 80, 130, 0, SIDE, False),  # their circles overlap, they do not
        (0, 0, 119, 45, SIDE, True),  # a corner reaches in
        (0, 0, 122, 45, SIDE, False),
        (0, 5, 5, 20, 40, True),  # one in the other
    ],
)
def test_fields_that_share_sky(
    tmp_path: Path, dec: float, east: float, north: float, turned: float, side: int, share: bool
) -> None:
    first = write_field(tmp_path / "a.fits", 359.999, dec)
    ra = (359.999 + east / 3600 / np.cos(np.radians(dec))) % 360
    second = write_field(tmp_path / "b.fits", ra, dec + north / 3600, turned, side)
    assert overlapping_fields([first, second]) == ([(0, 1)] if share else [])


def test_fields_on_both_sides_of_the_pole_share_sky(tmp_path: Path) -> None:
    paths = [write_field(tmp_path / f"{ra}.fits", ra, 89.99) for ra in (0, 90, 180)]
    # 36 arcseconds from the pole: opposite ones are 72 apart
    assert overlapping_fields(paths) == [(0, 1), (0, 2), (1, 2)]
    far = write_field(tmp_path / "far.fits", 180, 89.9)
    assert overlapping_fields([paths[0], far]) == []


def test_images_without_a_wcs_overlap_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.full((40, 40), 9, np.uint8))
    plain = tmp_path / "b.fits"
    fits.PrimaryHDU(np.eye(40, dtype=np.float32)).writeto(plain)
    field = write_field(tmp_path / "c.fits", 10, 10)
    assert overlapping_fields([picture, plain, field, field]) == [(2, 3)]
    assert overlapping_fields([picture]) == []


def test_positions_within_a_radius() -> None:
    ra = [10, 10.001, np.nan, 359.9999, 0]
    assert same_position(ra, [0, 0, 0, 0, 0], 4) == [(0, 1), (3, 4)]
    assert same_position(ra, [0, 0.01, 0, 0, 0], 4) == [(3, 4)]
    assert same_position([1], [1], 4) == []
