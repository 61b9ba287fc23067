"""Fields of which windows are read give the same pixels as fields in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.imaging import read_field
from galpipe.imaging.large_field import LargeField
from galpipe.imaging.open_field import open_field

from .tiff import tags_of, tiff

HEIGHT, WIDTH = 150, 110
WINDOWS = [
    (slice(0, HEIGHT), slice(0, WIDTH)),
    (slice(3, 41), slice(60, 110)),
    (slice(97, 150), slice(0, 33)),
]


@pytest.fixture(autouse=True)
def _by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galpipe.imaging.open_field._WHOLE", 1000)


@pytest.fixture
def counts(noise: Callable[..., NDArray[np.float32]]) -> NDArray[np.float32]:
    pixels = np.round(noise((HEIGHT, WIDTH), 300, 12))
    pixels[40:60, 50:70] += 2000
    return pixels


def assert_same(path: Path | str) -> LargeField:
    whole = read_field(path)
    with open_field(path) as large:
        assert isinstance(large, LargeField)
        assert (large.outline.height, large.outline.width) == (whole.height, whole.width)
        assert large.outline.linear == whole.linear
        assert large.outline.bands == whole.bands
        assert large.outline.checksum == whole.checksum
        assert large.outline.notes == whole.notes
        for rows, columns in WINDOWS:
            window, expected = large.window(rows, columns), whole.window(rows, columns)
            assert window.pixels.dtype == expected.pixels.dtype
            assert_array_equal(window.pixels, expected.pixels)
            assert_array_equal(window.bad, expected.bad)
            assert_array_equal(window.sky(3.5, 4.5), expected.sky(3.5, 4.5))
        assert large.window(*WINDOWS[0]).bad_counts == whole.bad_counts
    return large


def test_plain_images(tmp_path: Path, counts: NDArray[np.float32], wcs: object) -> None:
    header = wcs.to_header()  # type: ignore[attr-defined]
    for number, kind in enumerate((np.int16, np.uint16, np.int32, np.float32, np.float64)):
        path = tmp_path / f"{number}.fits"
        fits.PrimaryHDU(counts.astype(kind), header).writeto(path)
        assert_same(path)


def test_blank_scaled_and_bad_pixels(tmp_path: Path, counts: NDArray[np.float32]) -> None:
    scaled = fits.PrimaryHDU(counts.astype(np.int16))
    scaled.header.update({"BSCALE": 0.5, "BZERO": 10.0, "BLANK": 300})
    scaled.writeto(tmp_path / "scaled.fits")
    assert_same(tmp_path / "scaled.fits")
    dead = counts.copy()
    dead[:, 20] = 0
    dead[100:130, 80:] = 0
    dead[5, 5] = np.nan
    fits.writeto(tmp_path / "dead.fits", dead)
    assert read_field(tmp_path / "dead.fits").bad_counts == {"not finite": 1, "fill value": 1050}
    assert_same(tmp_path / "dead.fits")


@pytest.mark.parametrize("tile", [(1, WIDTH), (40, 32)])
def test_compressed_images(
    tmp_path: Path, counts: NDArray[np.float32], tile: tuple[int, int]
) -> None:
    hdu = fits.CompImageHDU(counts.astype(np.int16), tile_shape=tile)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits.fz")
    assert_same(tmp_path / "a.fits.fz")


def test_bands_masks_and_overscan(tmp_path: Path, counts: NDArray[np.float32]) -> None:
    cube = np.stack([counts, counts + 5, counts * 2])
    fits.writeto(tmp_path / "cube.fits", cube)
    assert_same(tmp_path / "cube.fits")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[60:90, 10:20] = 4
    weight = np.ones((HEIGHT, WIDTH), np.float32)
    weight[:, :7] = 0
    image = fits.ImageHDU(counts, name="SCI")
    image.header.update({"BIASSEC": "[101:110,1:150]", "DATASEC": "[1:100,1:150]"})
    planes = [image, fits.ImageHDU(mask, name="DQ"), fits.ImageHDU(weight, name="WHT")]
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(tmp_path / "planes.fits")
    assert_same(tmp_path / "planes.fits")
    for band in "irg":
        fits.writeto(tmp_path / f"{band}.fits", counts + ord(band))
    assert_same(",".join(str(tmp_path / f"{band}.fits") for band in "irg"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tiled", [False, True])
def test_tiffs(
    tmp_path: Path, counts: NDArray[np.float32], order: str, big: bool, tiled: bool
) -> None:
    pixels = np.stack([counts, counts + 3, counts + 8], axis=2).astype(f"{order}u2")
    blocks, tags = [pixels.tobytes()], tags_of(pixels, 2)
    if tiled:
        padded = np.pad(pixels, ((0, 10), (0, 18), (0, 0)))
        blocks = [
            padded[y : y + 32, x : x + 64].tobytes()
            for y in range(0, 160, 32)
            for x in range(0, 128, 64)
        ]
        tags = tags_of(pixels, 2, {322: (3, [64]), 323: (3, [32])})
        tags = {tag: value for tag, value in tags.items() if tag != 278}
    (tmp_path / "a.tif").write_bytes(tiff(blocks, tags, order=order, big=big))
    assert_same(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_compressed_strips(tmp_path: Path, counts: NDArray[np.float32], kind: type) -> None:
    picture = np.repeat(np.clip(counts / 10, 0, 255).astype(kind)[..., None], 3, axis=2)
    assert cv2.imwrite(str(tmp_path / "a.tif"), picture)  # LZW, several rows to a strip
    assert_same(tmp_path / "a.tif")


def test_damage_is_an_input_error(tmp_path: Path, counts: NDArray[np.float32]) -> None:
    picture = np.clip(counts, 0, 65535).astype(np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.tif"), picture)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[:3000] + bytes(500) + data[3500:])
    with pytest.raises(InputError, match=r"a\.tif"), open_field(tmp_path / "a.tif") as large:
        large.window(*WINDOWS[0])  # type: ignore[union-attr]
    hdu = fits.CompImageHDU(np.zeros((HEIGHT, WIDTH), np.int16), tile_shape=(HEIGHT, WIDTH))
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits.fz")
    data = (tmp_path / "a.fits.fz").read_bytes()
    for axis, side in ((1, WIDTH), (2, HEIGHT)):
        for name in (f"ZNAXIS{axis} ", f"ZTILE{axis}  "):
            data = data.replace(f"{name}= {side:20d}".encode(), f"{name}= {60000:20d}".encode())
    (tmp_path / "a.fits.fz").write_bytes(data)
    with pytest.raises(InputError, match="which its"), open_field(tmp_path / "a.fits.fz"):
        pass


def test_what_is_not_read_by_windows(
    tmp_path: Path, counts: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits.writeto(tmp_path / "a.fits.gz", counts)
    with open_field(tmp_path / "a.fits.gz") as field:
        assert_array_equal(field.pixels[..., 0], counts)  # type: ignore[union-attr]
    monkeypatch.setattr("galpipe.imaging.field.MAX_MEMORY", 300_000)
    with (
        pytest.raises(InputError, match="It is not read in parts, as it is packed; unpack it"),
        open_field(tmp_path / "a.fits.gz"),
    ):
        pass
    monkeypatch.setattr("galpipe.imaging.open_field.MAX_MEMORY", 300_000)
    fits.writeto(tmp_path / "a.fits", counts)
    with pytest.raises(InputError, match="to search in parts"), open_field(tmp_path / "a.fits"):
        pass


def test_a_tiff_of_a_rare_variety(tmp_path: Path, counts: NDArray[np.float32]) -> None:
    pixels = counts.astype(np.uint16)
    tags = tags_of(pixels, 1, {259: (3, [7])})
    (tmp_path / "a.tif").write_bytes(tiff([pixels.tobytes()], tags))
    with pytest.raises(InputError), open_field(tmp_path / "a.tif"):
        pass
