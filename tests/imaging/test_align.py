from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, Sip
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
        data[0] += np.arange(30)
        fits.writeto(tmp_path / f"frame-{band}-0042.fits", data)
    names = [tmp_path / f"frame-{band}-0042.fits" for band in "irg"]
    for source in (names, ",".join(map(str, names))):
        field = read_field(source)
        assert field.identifier == "frame-0042"
        assert field.paths == tuple(names)
        assert (field.pixels[1:] == [0, 1, 2]).all()
        assert field.notes == ()


def test_shifted_bands_are_laid_on_the_first(tmp_path: Path, wcs: WCS) -> None:
    moved = wcs.deepcopy()
    moved.wcs.crpix += [3.3, -5.6]
    bands = [write(tmp_path / "r.fits", wcs), write(tmp_path / "g.fits", moved)]
    field = read_field([*bands, write(tmp_path / "b.fits", wcs)])
    assert len(field.notes) == 1
    assert "laid on the first by their WCS: g.fits (shifted by up to 6.5 pixels)" in field.notes[0]
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
    red = write(tmp_path / "r.fits", wcs)
    fits.writeto(tmp_path / "g.fits", np.ones((50, 70), np.float32))
    with pytest.raises(InputError, match=r"g\.fits is 70 x 50 pixels and .*r\.fits is 70 x 60"):
        read_field([red, tmp_path / "g.fits", red])
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


def turned(wcs: WCS, degrees: float = 0, scale: float = 1, mirror: bool = False) -> WCS:
    """The same sky with other axes about the middle of 60 x 70 pixels."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    other = wcs.deepcopy()
    other.wcs.crval = np.array(wcs.wcs_pix2world([[35.5, 30.5]], 1)[0])
    other.wcs.crpix = [35.5, 30.5]
    other.wcs.cd = wcs.wcs.cd @ matrix @ np.diag([-1 if mirror else 1, 1])
    return other


@pytest.mark.parametrize(
    ("degrees", "mirror", "shape", "words"),
    [
        (180, False, (60, 70), "turned by 180 degrees"),
        (0, True, (60, 70), "mirrored"),
        (180, True, (60, 70), "mirrored"),
        (90, False, (70, 60), "turned by 90 degrees"),
        (-90, True, (70, 60), "mirrored, turned by 90 degrees"),
    ],
)
def test_whole_turns_and_reflections_are_copies(
    tmp_path: Path, wcs: WCS, degrees: float, mirror: bool, shape: tuple[int, int], words: str
) -> None:
    first, other = turned(wcs), turned(wcs, degrees, mirror=mirror)
    other.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    noise = np.random.default_rng(0).normal(size=(60, 70)).astype(np.float32)
    rows, columns = np.indices(shape)
    sky = first.world_to_pixel(other.pixel_to_world(columns, rows))
    x, y = (np.rint(axis).astype(int) for axis in sky)
    fits.writeto(tmp_path / "r.fits", noise, first.to_header())
    fits.writeto(tmp_path / "g.fits", noise[y, x], other.to_header())
    red, green = str(tmp_path / "r.fits"), str(tmp_path / "g.fits")
    field = read_field([red, green, red])
    assert (field.pixels[..., 1] == noise).all()
    assert not field.bad.any()
    assert f"g.fits ({words})" in field.notes[0]


@pytest.mark.parametrize("degrees", [3, 60])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_bands_are_resampled_as_by_reproject(
    tmp_path: Path, wcs: WCS, degrees: float, mirror: bool
) -> None:
    reproject = pytest.importorskip("reproject")
    other = turned(wcs, degrees, mirror=mirror)
    other.wcs.crpix = [50.5, 48.5]
    red = write(tmp_path / "r.fits", wcs)
    green = write(tmp_path / "g.fits", other, (100, 100))
    field = read_field([red, green, red])
    good = ~field.bad
    assert good.mean() > 0.7
    assert_allclose(field.pixels[good][:, 1], field.pixels[good][:, 0], atol=0.01)
    theirs, _ = reproject.reproject_interp(green, wcs, (60, 70), order="bicubic")
    assert_allclose(field.pixels[..., 1][good], theirs[good], atol=0.02)


@pytest.mark.parametrize("scale", [0.31, 0.77, 1.6])
def test_flux_is_kept_at_another_pixel_scale(tmp_path: Path, wcs: WCS, scale: float) -> None:
    first, other = turned(wcs), turned(wcs, 20, scale)
    side = int(120 / scale)
    other.wcs.crpix = [side / 2, side / 2]
    rows, columns = np.indices((side, side))
    x, y = first.world_to_pixel(other.pixel_to_world(columns, rows))

    def sky(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        star = np.exp(-((x - 30.2) ** 2 + (y - 28.7) ** 2) / (2 * 3.0**2))
        return (10 + 50 * star).astype(np.float32)

    rows, columns = np.indices((60, 70))
    right = sky(columns, rows)
    fits.writeto(tmp_path / "r.fits", right, first.to_header())
    cards = fits.Header({"GAIN": 2.0, "SATURATE": 1000.0, "MAGZERO": 25.0, **other.to_header()})
    fits.writeto(tmp_path / "g.fits", sky(x, y) * scale**2, cards)
    red = str(tmp_path / "r.fits")
    field = read_field([red, tmp_path / "g.fits", red])
    band = field.bands[1]
    assert band.zero_point == 25
    assert (band.gain, band.saturation) == pytest.approx((2 * scale**2, 1000 / scale**2), rel=1e-3)
    good = ~field.bad
    assert good.mean() > 0.95
    # the mean over a pixel is below its middle at the peak
    assert_allclose(field.pixels[good][:, 1], right[good], atol=0.7)
    assert field.pixels[good][:, 1].sum() == pytest.approx(right[good].sum(), rel=1e-3)
    assert "arcsec a pixel" in field.notes[0]


def test_distortion_is_followed(tmp_path: Path, wcs: WCS) -> None:
    bent = wcs.deepcopy()
    bent.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    quadratic = np.zeros((3, 3))
    quadratic[2, 0], quadratic[0, 2] = 4e-4, -2e-4
    bent.sip = Sip(quadratic, quadratic.T, None, None, bent.wcs.crpix)
    red = write(tmp_path / "r.fits", wcs)
    fits.writeto(tmp_path / "g.fits", stars(bent, (60, 70)), bent.to_header(relax=True))
    field = read_field([red, tmp_path / "g.fits", red])
    good = ~field.bad
    # the distortion changes the area of a pixel by 2 %
    assert_allclose(field.pixels[good][:, 1], field.pixels[good][:, 0], atol=0.03)


def test_noise_is_kept(tmp_path: Path, wcs: WCS) -> None:
    noise = np.random.default_rng(0).normal(1000, 1, (300, 300)).astype(np.float32)
    noise[150:155, 150:155] = np.nan
    other = turned(wcs, 7)
    other.wcs.crpix = [150.5, 150.5]
    fits.writeto(tmp_path / "g.fits", noise, other.to_header())
    red = write(tmp_path / "r.fits", turned(wcs), (60, 70))
    field = read_field([red, tmp_path / "g.fits", red])
    green = field.pixels[..., 1][~field.bad]
    assert green.std() > 0.85
    assert abs(green - 1000).max() < 5  # no ringing around the bad pixels
    assert 25 < field.bad.sum() < 200


def test_partial_overlap_is_said(tmp_path: Path, wcs: WCS) -> None:
    moved = wcs.deepcopy()
    moved.wcs.crpix += [35.0, 0.0]
    red, green = write(tmp_path / "r.fits", wcs), write(tmp_path / "g.fits", moved)
    field = read_field([red, green, red])
    assert field.bad.mean() == pytest.approx(0.5, abs=0.02)
    assert field.bad_counts == {"without data in every band": field.bad.sum()}
    assert "all bands cover only 50% of the field" in field.notes[1]
    moved.wcs.crpix += [33.0, 0.0]
    with pytest.raises(InputError, match=r"r\.fits: it covers 3% of it"):
        read_field([red, write(tmp_path / "far.fits", moved), red])
