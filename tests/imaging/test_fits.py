from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.imaging import read_field

HEIGHT, WIDTH = 24, 40


@pytest.fixture
def fluxes() -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)


def plain(path: Path, data: NDArray[Any], header: fits.Header) -> Path:
    fits.writeto(path / "a.fits", data, header)
    return path / "a.fits"


def extension(path: Path, data: NDArray[Any], header: fits.Header) -> Path:
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(data, header)]).writeto(path / "a.fit")
    return path / "a.fit"


def gzipped(path: Path, data: NDArray[Any], header: fits.Header) -> Path:
    packed = path / "a.fits.gz"
    packed.write_bytes(gzip.compress(plain(path, data, header).read_bytes()))
    return packed


def bzipped(path: Path, data: NDArray[Any], header: fits.Header) -> Path:
    packed = path / "a.fits.bz2"
    packed.write_bytes(bz2.compress(plain(path, data, header).read_bytes()))
    return packed


def tiled(path: Path, data: NDArray[Any], header: fits.Header) -> Path:
    image = fits.CompImageHDU(data, header, compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path / "a.fits.fz")
    return path / "a.fits.fz"


@pytest.mark.parametrize("write", [plain, extension, gzipped, bzipped, tiled])
@pytest.mark.parametrize("kind", ["<f4", ">f8", ">i2", "u2"])
def test_every_flavour_reads_the_same(
    tmp_path: Path, fluxes: NDArray[np.float32], wcs: WCS, write: Any, kind: str
) -> None:
    data = (fluxes * 100 + 1000).astype(kind)
    field = read_field(write(tmp_path, data, wcs.to_header()))
    assert field.identifier == "a"
    assert field.origin == "lower"
    assert field.pixels.shape == (HEIGHT, WIDTH, 1)
    assert field.pixels.dtype == np.float32
    assert field.pixels.dtype.isnative
    assert_array_equal(field.pixels[..., 0], data.astype(np.float32))
    assert not field.bad.any()
    assert field.notes == ()
    assert field.pixel_scale == pytest.approx(0.4, rel=1e-6)
    # the first FITS pixel has its centre at (1, 1) there and at (0.5, 0.5) here
    x, y = np.array([0.5, 20.0, 33.3]), np.array([0.5, 14.5, 7.9])
    ra, dec = wcs.all_pix2world(x + 0.5, y + 0.5, 1)
    assert_allclose(field.sky(x, y), (ra, dec), rtol=0, atol=1e-9)


def test_reference_pixel_has_the_reference_position(
    tmp_path: Path, fluxes: NDArray[np.float32], wcs: WCS
) -> None:
    field = read_field(plain(tmp_path, fluxes, wcs.to_header()))
    assert_allclose(field.sky(20.0, 14.5), (150.0, 2.0), rtol=0, atol=1e-9)


def test_row_zero_is_the_row_stored_first(tmp_path: Path) -> None:
    data = np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    assert read_field(plain(tmp_path, data, fits.Header())).pixels[0, 1, 0] == 1


def test_cube_and_degenerate_axes(tmp_path: Path, fluxes: NDArray[np.float32], wcs: WCS) -> None:
    header = wcs.to_header()
    cube = np.stack([fluxes, fluxes + 10, fluxes + 20])
    field = read_field(plain(tmp_path, cube, header))
    assert field.pixels.shape == (HEIGHT, WIDTH, 3)
    assert_array_equal(field.pixels, np.moveaxis(cube, 0, 2))
    header["CTYPE3"], header["CRVAL3"], header["CDELT3"] = "FREQ", 1.4e9, 1e6
    fits.writeto(tmp_path / "deep.fits", fluxes[None, None], header)
    deep = read_field(tmp_path / "deep.fits")
    assert deep.pixels.shape == (HEIGHT, WIDTH, 1)
    assert_allclose(deep.sky(20.0, 14.5), (150.0, 2.0), rtol=0, atol=1e-9)


def test_bad_pixels_are_masked(tmp_path: Path, fluxes: NDArray[np.float32]) -> None:
    fluxes[2, 3], fluxes[4, 5], fluxes[6, 7] = np.nan, np.inf, -np.inf
    field = read_field(plain(tmp_path, fluxes, fits.Header()))
    assert_array_equal(np.argwhere(field.bad), [[2, 3], [4, 5], [6, 7]])
    assert np.isfinite(field.pixels).all()
    assert (field.pixels[field.bad] == 0).all()


def test_blank_integers_and_float64_overflow_are_masked(tmp_path: Path) -> None:
    counts = np.arange(HEIGHT * WIDTH, dtype=np.int16).reshape(HEIGHT, WIDTH)
    counts[3, 4] = -999
    header = fits.Header({"BLANK": -999})
    assert_array_equal(np.argwhere(read_field(plain(tmp_path, counts, header)).bad), [[3, 4]])
    huge = np.zeros((HEIGHT, WIDTH))
    huge[1, 2] = 1e300
    fits.writeto(tmp_path / "huge.fits", huge)
    assert_array_equal(np.argwhere(read_field(tmp_path / "huge.fits").bad), [[1, 2]])


NONSENSE = {
    "singular": {"CD1_1": 1e-4, "CD1_2": 1e-4, "CD2_1": 1e-4, "CD2_2": 1e-4},
    "zero": {"CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0},
    "no scale": {"CRPIX1": 3.0},
    "coarse": {"CDELT1": 30.0, "CDELT2": 30.0},
    "projection": {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ", "CDELT1": 1e-4, "CDELT2": 1e-4},
    "one axis": {"CTYPE2": "FREQ", "CDELT1": 1e-4, "CDELT2": 1e-4},
    "text": {"CRVAL1": "here", "CDELT1": 1e-4, "CDELT2": 1e-4},
    "far": {"CRPIX1": 1e9, "CDELT1": 1e-4, "CDELT2": 1e-4},
    "frame": {"RADESYS": "GAPPT", "CDELT1": 1e-4, "CDELT2": 1e-4},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_wcs_is_dropped_with_a_note(
    tmp_path: Path, fluxes: NDArray[np.float32], name: str, recwarn: pytest.WarningsRecorder
) -> None:
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0})
    header.update(NONSENSE[name])
    field = read_field(plain(tmp_path, fluxes, header))
    assert field.wcs is None
    assert field.pixel_scale is None
    assert np.isnan(field.sky(1, 1)).all()
    assert len(field.notes) == 1
    assert "WCS was ignored" in field.notes[0]
    assert not recwarn


def test_no_wcs_is_nothing_to_note(tmp_path: Path, fluxes: NDArray[np.float32]) -> None:
    field = read_field(plain(tmp_path, fluxes, fits.Header({"CTYPE1": "X", "CTYPE2": "Y"})))
    assert field.wcs is None
    assert field.notes == ()


def test_galactic_coordinates_become_icrs(tmp_path: Path, fluxes: NDArray[np.float32]) -> None:
    header = fits.Header(
        {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRPIX1": 1.0, "CRPIX2": 1.0}
        | {"CRVAL1": 0.0, "CRVAL2": 90.0, "CDELT1": -1e-4, "CDELT2": 1e-4}
    )
    # the north Galactic pole by its definition
    ra, dec = read_field(plain(tmp_path, fluxes, header)).sky(0.5, 0.5)
    assert_allclose((ra, dec), (192.8595, 27.1283), atol=1e-3)


def test_no_image(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "none.fits")
    with pytest.raises(InputError, match=r"none\.fits.*without an image"):
        read_field(tmp_path / "none.fits")
    fits.writeto(tmp_path / "line.fits", np.zeros(100))
    with pytest.raises(InputError, match="without an image"):
        read_field(tmp_path / "line.fits")


def test_wrong_number_of_planes(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "five.fits", np.zeros((5, HEIGHT, WIDTH)))
    with pytest.raises(InputError, match="40 x 24 x 5"):
        read_field(tmp_path / "five.fits")


def test_nothing_finite(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "nan.fits", np.full((HEIGHT, WIDTH), np.nan))
    with pytest.raises(InputError, match=r"nan\.fits holds no finite pixel"):
        read_field(tmp_path / "nan.fits")


@pytest.mark.parametrize("write", [plain, gzipped, bzipped, tiled])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated(tmp_path: Path, write: Any, share: float) -> None:
    data = np.random.default_rng(0).normal(0, 1, (100, 120)).astype(np.float32)
    path = write(tmp_path, data, fits.Header())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=f"{path.name}.* again"):
        read_field(path)


@pytest.mark.parametrize("side", [20_000, 10**9])
def test_header_that_promises_too_much(tmp_path: Path, side: int) -> None:
    path = plain(tmp_path, np.zeros((HEIGHT, WIDTH), np.float32), fits.Header())
    claim = f"NAXIS1  = {side:20d}".encode()
    content = path.read_bytes()
    start = content.index(b"NAXIS1")
    path.write_bytes(content[:start] + claim + content[start + len(claim) :])
    with pytest.raises(InputError, match=r"a\.fits"):
        read_field(path)


def test_a_packed_file_is_read_again_after_a_change(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        path = tmp_path / f"{value}.fits"
        fits.writeto(path, np.full((HEIGHT, WIDTH), value))
        (tmp_path / "a.fits.gz").write_bytes(gzip.compress(path.read_bytes()))
        assert read_field(tmp_path / "a.fits.gz").pixels[3, 4, 0] == value


def test_packed_text_is_no_fits(tmp_path: Path) -> None:
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(b"hello " * 1000))
    with pytest.raises(InputError, match="not of a FITS"):
        read_field(tmp_path / "a.fits.gz")


@pytest.mark.parametrize("seed", range(6))
def test_noise_after_a_signature_is_an_input_error(tmp_path: Path, seed: int) -> None:
    content = np.random.default_rng(seed).bytes(20_000)
    (tmp_path / "a.fits").write_bytes(b"SIMPLE  =                    T" + content)
    with pytest.raises(InputError):
        read_field(tmp_path / "a.fits")
