from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.files.file_types import kind_of
from galpipe.files.picture_headers import picture_is_whole, picture_size
from galpipe.imaging import read_field

HEIGHT, WIDTH = 40, 56


@pytest.fixture
def colours() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def encode(suffix: str, rgb: NDArray[np.generic]) -> bytes:
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}
    channels = rgb.shape[2] if rgb.ndim == 3 else 1
    # OpenCV before 4.10 compresses pixels of type float with losses unless told otherwise.
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if rgb.dtype == np.float32 else []
    pixels = rgb[..., order[channels]] if channels > 1 else rgb
    done, data = cv2.imencode(suffix, pixels, options)
    assert done
    return data.tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_lossless_pictures_come_back_as_they_were(
    tmp_path: Path, colours: NDArray[np.uint8], suffix: str, depth: type
) -> None:
    pixels = colours.astype(depth) * (1 if depth is np.uint8 else 257)
    path = tmp_path / f"galaxy{suffix}"
    path.write_bytes(encode(suffix, pixels))
    field = read_field(path)
    assert_array_equal(field.pixels, pixels)
    assert field.pixels.dtype == depth
    assert (field.identifier, field.origin, field.wcs) == ("galaxy", "upper", None)
    assert not field.bad.any()
    path.write_bytes(encode(suffix, pixels[..., 0]))
    assert_array_equal(read_field(path).pixels, pixels[..., :1])


def test_jpeg_is_rgb_with_the_first_row_on_top(tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32] = (250, 10, 20)
    (tmp_path / "a.jpeg").write_bytes(encode(".jpg", picture))
    pixels = read_field(tmp_path / "a.jpeg").pixels.astype(int)
    assert np.abs(pixels[10, 10] - [250, 10, 20]).max() < 12
    assert pixels[50, 50].max() < 12


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparency_is_laid_over_black(
    tmp_path: Path, colours: NDArray[np.uint8], depth: type
) -> None:
    full = np.iinfo(depth).max
    alpha = np.full((HEIGHT, WIDTH, 1), full, depth)
    alpha[:10], alpha[10:20] = 0, full // 2
    pixels = np.concatenate([colours.astype(depth), alpha], axis=2)
    (tmp_path / "a.png").write_bytes(encode(".png", pixels))
    field = read_field(tmp_path / "a.png")
    assert field.pixels.shape == (HEIGHT, WIDTH, 3)
    assert (field.pixels[:10] == 0).all()
    assert np.abs(field.pixels[10:20] - colours[10:20] / 2).max() <= 1
    assert_array_equal(field.pixels[20:], colours[20:])
    assert_array_equal(field.bad, alpha[..., 0] == 0)


def test_float_tiff_of_zero_to_one_is_a_picture(tmp_path: Path, colours: NDArray[np.uint8]) -> None:
    (tmp_path / "a.tif").write_bytes(encode(".tif", (colours / 255).astype(np.float32)))
    field = read_field(tmp_path / "a.tif")
    assert field.pixels.dtype == np.uint16
    assert_array_equal(field.pixels, colours.astype(np.uint16) * 257)


def test_float_tiff_of_fluxes_keeps_them(tmp_path: Path) -> None:
    fluxes = np.random.default_rng(2).normal(5, 100, (HEIGHT, WIDTH)).astype(np.float32)
    fluxes[3, 4] = np.nan
    (tmp_path / "a.tif").write_bytes(encode(".tif", fluxes))
    field = read_field(tmp_path / "a.tif")
    assert field.pixels.dtype == np.float32
    assert_array_equal(np.argwhere(field.bad), [[3, 4]])
    assert_array_equal(field.pixels[~field.bad][:, 0], fluxes[~field.bad])
    assert "fluxes" in field.notes[0]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.998])
def test_truncated(
    tmp_path: Path,
    colours: NDArray[np.uint8],
    suffix: str,
    share: float,
    capfd: pytest.CaptureFixture[str],
) -> None:
    large = cv2.resize(colours, (400, 300))
    data = encode(suffix, large)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=rf"cut\{suffix}"):
        read_field(path)
    assert "libpng" not in capfd.readouterr().err


def test_progressive_jpeg_and_thumbnail_do_not_confuse(colours: NDArray[np.uint8]) -> None:
    done, made = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    data = made.tobytes()
    assert done
    assert picture_is_whole(data, "jpeg")
    assert picture_is_whole(data + b"appended", "jpeg")
    thumbnail = b"Exif\x00\x00" + encode(".jpg", colours[:8, :8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert picture_size(data[:2] + segment + data[2:], "jpeg") == (WIDTH, HEIGHT)
    # only the thumbnail has an end
    assert not picture_is_whole((data[:2] + segment + data[2:])[:-2], "jpeg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_declared_size(colours: NDArray[np.uint8], suffix: str) -> None:
    data = encode(suffix, colours)
    kind = kind_of(data[:64])
    assert kind == {".jpg": "jpeg", ".png": "png", ".tif": "tiff", ".webp": "webp"}[suffix]
    assert picture_size(data, kind) == (WIDTH, HEIGHT)
    assert picture_size(data[:12], kind) is None


def test_a_small_file_cannot_ask_for_all_memory(tmp_path: Path, colours: NDArray[np.uint8]) -> None:
    data = bytearray(encode(".png", colours))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    assert picture_is_whole(bytes(data), "png")
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(InputError, match=r"bomb\.png declares 60000 x 60000"):
        read_field(tmp_path / "bomb.png")


def test_content_decides_and_not_the_suffix(tmp_path: Path, colours: NDArray[np.uint8]) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(".png", colours))
    assert_array_equal(read_field(tmp_path / "a.jpg").pixels, colours)
    (tmp_path / "a.fits").write_bytes(encode(".png", colours))
    assert_array_equal(read_field(tmp_path / "a.fits").pixels, colours)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_damage_never_ends_in_anything_but_an_input_error(
    tmp_path: Path, colours: NDArray[np.uint8], suffix: str, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    data = bytearray(encode(suffix, colours))
    for place in chance.integers(8, len(data), 12):
        data[place] = chance.integers(256)
    (tmp_path / f"a{suffix}").write_bytes(data)
    # damage in the pixels alone cannot be seen; whatever is seen must come as this error
    with suppress(InputError):
        field = read_field(tmp_path / f"a{suffix}")
        assert field.bad.shape == field.pixels.shape[:2]
