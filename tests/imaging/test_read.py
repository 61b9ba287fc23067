from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits

from galpipe.errors import InputError
from galpipe.imaging import FieldSource, read_field, to_rgb


def test_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((16, 16, 3), np.uint8))
    expected = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert read_field(str(tmp_path / "a.png")).checksum == expected


def test_a_source_names_its_field(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((16, 16, 3), np.uint8))
    assert read_field(FieldSource("chosen", (tmp_path / "a.png",))).identifier == "chosen"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "is empty"),
        ("empty.fits", b"", "is empty"),
        ("letter.fits", b"Dear astronomer,\nplease find enclosed\n", "is a text file"),
        ("table.csv", b"ra,dec\n1,2\n", "is a text file"),
        ("noise.png", bytes(range(256)), "of no type that can be read"),
        ("images.zip", b"PK\3\4" + bytes(60), "a ZIP archive. Unpack it and give the folder"),
        ("Galaxy10.h5", b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
        ("m31.xisf", b"XISF0100" + bytes(60), "Save it as FITS there"),
        ("light.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(60), "a raw file of a camera"),
        ("light.cr3", b"\0\0\0\x18ftypcrx " + bytes(60), "a raw file of a camera"),
    ],
)
def test_files_that_are_no_image(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.* {message}"):
        read_field(tmp_path / name)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read .*gone\.fits: there is no such file"):
        read_field(tmp_path / "gone.fits")
    with pytest.raises(InputError, match="it is a folder"):
        read_field(tmp_path)


@pytest.mark.parametrize("side", [1, 7])
def test_too_small(tmp_path: Path, side: int) -> None:
    cv2.imwrite(str(tmp_path / "tiny.png"), np.zeros((side, 50, 3), np.uint8))
    with pytest.raises(InputError, match=rf"tiny\.png is 50 x {side} pixels.*at least 8 x 8"):
        read_field(tmp_path / "tiny.png")


def test_three_pictures_are_no_bands(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((16, 16), np.uint8))
    with pytest.raises(InputError, match="must be three FITS files"):
        read_field([tmp_path / "a.png"] * 3)


def test_ngc_6976(galpipe_data: Path) -> None:
    folder = galpipe_data / "fields" / "fits"
    field = read_field(",".join(f"{folder}/reprojected_sdss_{band}.fits.bz2" for band in "irg"))
    assert field.identifier == "reprojected_sdss"
    assert field.pixels.shape == (496, 682, 3)
    assert field.pixel_scale == pytest.approx(1.1877, abs=1e-3)
    # NGC 6976 itself (NED: 20h52m26s -05d46m20s) lies on it
    x, y = (float(value) for value in field.wcs.world_to_pixel_values(313.108, -5.772))
    assert 0 < x < field.width
    assert 0 < y < field.height
    # three yellowish galaxies and a dark sky
    rgb = to_rgb(field)
    red, _, blue = rgb[rgb.min(axis=2) > 60].mean(axis=0)
    assert red > 1.1 * blue
    assert (np.median(rgb, axis=(0, 1)) < 10).all()


def test_sdss_frames_are_aligned(galpipe_data: Path) -> None:
    folder = galpipe_data / "fields" / "fits"
    field = read_field(",".join(f"{folder}/frame-{band}-002583-2-0136.fits.bz2" for band in "irg"))
    assert field.pixel_scale == pytest.approx(0.396, abs=1e-3)
    assert "shifted by up to 8.8 pixels" in field.notes[0]
    # after the shift the bands agree best where they are
    red, green = (field.pixels[700:1000, 1200:1700, band] for band in (0, 2))
    agreement = {
        (i, j): np.corrcoef(np.roll(green, (i, j), (0, 1)).ravel(), red.ravel())[0, 1]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    }
    assert max(agreement, key=lambda shift: agreement[shift]) == (0, 0)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.bz2", ".png"])
def test_a_field_that_takes_too_much_memory(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        cv2.imwrite(str(path), np.zeros((200, 100, 3), np.uint8))
    else:
        fits.writeto(path, np.zeros((3, 200, 100), np.int16))
    monkeypatch.setattr("galpipe.imaging.field.MAX_MEMORY", 300_000)
    with pytest.raises(InputError, match=rf"a\{suffix}.* declares 100 x 200 pixels, which take"):
        read_field(path)
    monkeypatch.setattr("galpipe.imaging.field.MAX_MEMORY", 2**30)
    monkeypatch.setattr("galpipe.imaging.field.available_memory", lambda: 300_000)
    with pytest.raises(InputError, match="that can be used here"):
        read_field(path)


def test_three_bands_take_the_memory_of_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for band in "irg":
        fits.writeto(tmp_path / f"{band}.fits", np.eye(100, dtype=np.float32))
    monkeypatch.setattr("galpipe.imaging.field.MAX_MEMORY", 100 * 100 * 45)
    read_field(tmp_path / "i.fits")
    with pytest.raises(InputError, match="which take"):
        read_field(",".join(str(tmp_path / f"{band}.fits") for band in "irg"))
