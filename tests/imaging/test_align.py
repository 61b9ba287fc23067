from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.imaging import read_field


def stars(wcs: WCS, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Round stars at fixed places of the sky, as the band with this WCS sees them."""
    rows, columns = np.indices(shape)
    image = np.zeros(shape, np.float32)
    for ra, dec in [(150.0, 2.0), (150.001, 2.0005), (149.9995, 2.001)]:
        x, y = wcs.all_world2pix(ra, dec, 0)
        image += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.8**2))
    return image


def write(path: Path, wcs: WCS, shape: tuple[int, int] = (60, 70)) -> str:
    fits.writeto(path, stars(wcs, shape), wcs.to_header())
    return str(path)


def test_three_files_are_red_green_blue(tmp_path: Path) -> None:
    for level, band in enumerate("irg"):
        data = np.full((20, 30), level, np.float32)
        fits.writeto(tmp_path / f"frame-{band}-0042.fits", data)
    names = [tmp_path / f"frame-{band}-0042.fits" for band in "irg"]
    for source in (names, ",".join(map(str, names))):
        field = read_field(source)
        assert field.identifier == "frame-0042"
        assert field.paths == tuple(names)
        assert (field.pixels == [0, 1, 2]).all()
        assert field.notes == ()


def test_shifted_bands_are_laid_on_the_first(tmp_path: Path, wcs: WCS) -> None:
    moved = wcs.deepcopy()
    moved.wcs.crpix += [3.3, -5.6]
    bands = [write(tmp_path / "r.fits", wcs), write(tmp_path / "g.fits", moved)]
    field = read_field([*bands, write(tmp_path / "b.fits", wcs)])
    assert "6.5 pixels apart" in field.notes[0]
    good = ~field.bad
    assert 0.75 < good.mean() < 0.95
    # Sub-pixel interpolation of a star with a sigma of 1.8 pixels is good to some thousandths.
    assert_allclose(field.pixels[good][:, 1], field.pixels[good][:, 0], atol=0.01)
    assert_allclose(field.pixels[good][:, 2], field.pixels[good][:, 0], atol=1e-6)
    assert (field.pixels[field.bad] == 0).all()


def test_a_tiny_shift_is_left_alone(tmp_path: Path, wcs: WCS) -> None:
    moved = wcs.deepcopy()
    moved.wcs.crpix += 0.1
    names = [
        write(tmp_path / f"{band}.fits", w)
        for band, w in zip("rgb", [wcs, moved, wcs], strict=True)
    ]
    field = read_field(names)
    assert field.notes == ()
    assert not field.bad.any()


def test_other_sky_is_refused(tmp_path: Path, wcs: WCS) -> None:
    moved = wcs.deepcopy()
    moved.wcs.crval = [151.0, 2.0]
    elsewhere = tmp_path / "b.fits"
    fits.writeto(elsewhere, np.zeros((60, 70), np.float32), moved.to_header())
    names = [write(tmp_path / "r.fits", wcs), write(tmp_path / "g.fits", wcs), str(elsewhere)]
    with pytest.raises(InputError, match="another part of the sky"):
        read_field(names)


def test_bands_that_do_not_fit(tmp_path: Path, wcs: WCS) -> None:
    red, small = write(tmp_path / "r.fits", wcs), write(tmp_path / "g.fits", wcs, (50, 70))
    with pytest.raises(InputError, match=r"g\.fits is 70 x 50 pixels and .*r\.fits is 70 x 60"):
        read_field([red, small, red])
    with pytest.raises(InputError, match="names 2 files"):
        read_field(f"{red},{red}")
    fits.writeto(tmp_path / "cube.fits", np.zeros((3, 60, 70), np.float32))
    with pytest.raises(InputError, match="three bands already"):
        read_field([red, tmp_path / "cube.fits", red])


def test_bad_pixels_of_any_band_count(tmp_path: Path) -> None:
    for place, band in enumerate("rgb"):
        data = np.ones((20, 30), np.float32)
        data[place, place] = np.nan
        fits.writeto(tmp_path / f"{band}.fits", data)
    field = read_field([tmp_path / f"{band}.fits" for band in "rgb"])
    assert np.argwhere(field.bad).tolist() == [[0, 0], [1, 1], [2, 2]]
