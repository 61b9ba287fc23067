"""Damage of JPEG and TIFF pictures is refused or noted; whole pictures are not."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from galpipe.errors import InputError
from galpipe.files.picture_headers import picture_header
from galpipe.imaging import read_field
from galpipe.imaging.decode_jpeg import is_torn
from galpipe.imaging.tiff_strips import strips_are_whole


def sky(side: int = 160) -> NDArray[np.uint8]:
    """Return a colour picture of a galaxy on a noisy sky."""
    y, x = np.mgrid[:side, :side] - side / 2
    noise = 4 * np.random.default_rng(1).standard_normal((side, side))
    grey = 8 + noise + 170 * np.exp(-np.hypot(x, 1.6 * y) / 9)
    return np.clip(np.stack([grey * 1.1, grey, grey * 0.8], axis=-1), 0, 255).astype(np.uint8)


def saved(pixels: NDArray[np.generic], form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


def tiff(pixels: NDArray[np.generic], compression: int) -> bytes:
    done, data = cv2.imencode(".tif", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert done
    return data.tobytes()


TIFFS = {
    "lzw": saved(sky(), "TIFF", compression="tiff_lzw"),
    "deflate": saved(sky(), "TIFF", compression="tiff_adobe_deflate"),
    "large lzw": saved(sky(500), "TIFF", compression="tiff_lzw"),
    "empty lzw": saved(np.zeros((400, 500), np.uint8), "TIFF", compression="tiff_lzw"),
    "lzw of 16 bits": tiff(sky().astype(np.uint16) * 200, 5),
    "deflate of 16 bits": tiff(sky().astype(np.uint16) * 200, 8),
    "lzw of floats": tiff(sky().astype(np.float32), 5),
    "plain": saved(sky(), "TIFF"),
    "packbits": saved(sky(), "TIFF", compression="packbits"),
    "bits": saved(sky()[..., 1] > 20, "TIFF", compression="group4"),
}


@pytest.mark.parametrize("name", TIFFS)
def test_whole_tiffs(name: str) -> None:
    assert strips_are_whole(TIFFS[name])
    assert not strips_are_whole(TIFFS[name][: len(TIFFS[name]) // 2])


@pytest.mark.parametrize("name", [name for name in TIFFS if "lzw" in name or "deflate" in name])
def test_damaged_strips(name: str) -> None:
    data, passed = TIFFS[name], 0
    for seed in range(60):
        chance = random.Random(seed)
        place = chance.randrange(8, len(data) * 9 // 10)
        passed += strips_are_whole(data[:place] + chance.randbytes(16) + data[place + 16 :])
    assert passed <= 2


def test_a_strip_of_clear_codes_ends_soon() -> None:
    # Nine bits, 100000000, again and again.
    clears = np.packbits(np.tile(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0], np.uint8), 80_000)).tobytes()
    data = TIFFS["empty lzw"]
    header = picture_header(io.BytesIO(data), "tiff")
    assert header is not None
    assert header.tags is not None
    start = header.tags[273]
    assert not strips_are_whole(data[:start] + clears[: len(data) - start - 200] + data[-200:])


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], tuple[str, ...]]:
    def notes(data: bytes) -> tuple[str, ...]:
        (tmp_path / "a.img").write_bytes(data)
        return read_field(tmp_path / "a.img").notes

    return notes


JPEGS = {
    "baseline": saved(sky(), "JPEG", quality=90),
    "full colour": saved(sky(), "JPEG", quality=90, subsampling=0),
    "grey": saved(sky()[..., 1], "JPEG", quality=85),
    "progressive": saved(sky(), "JPEG", quality=90, progressive=True),
}


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_is_the_same_as_by_opencv(
    name: str, read: Callable[[bytes], tuple[str, ...]], tmp_path: Path
) -> None:
    assert read(JPEGS[name]) == ()
    pixels = read_field(tmp_path / "a.img").pixels
    expected = cv2.imdecode(np.frombuffer(JPEGS[name], np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(
        pixels.squeeze(), expected[..., ::-1] if expected.ndim == 3 else expected
    )


@pytest.mark.parametrize("name", ["baseline", "grey", "progressive"])
def test_missing_bytes_of_a_jpeg(name: str, read: Callable[[bytes], tuple[str, ...]]) -> None:
    data = JPEGS[name]
    with pytest.raises(InputError, match="damaged"):
        read(data[: len(data) * 2 // 3] + data[-2:])


@pytest.mark.parametrize("block", [(8, 8), (16, 16), (8, 16)])
@pytest.mark.parametrize("shift", [(30, 30, 30), (25, -10, 0)])
def test_a_shift_from_one_block_on_is_a_tear(
    block: tuple[int, int], shift: tuple[int, int, int]
) -> None:
    pixels = sky(256)
    assert not is_torn(pixels, block)
    torn = pixels.copy()
    top, left = 4 * block[0], 5 * block[1]
    whole = np.clip(pixels.astype(int) + shift, 0, 255)
    torn[top : top + block[0], left:] = whole[top : top + block[0], left:]
    torn[top + block[0] :] = whole[top + block[0] :]
    assert is_torn(torn, block)


def test_edges_of_the_scene_are_no_tear() -> None:
    pixels = sky(256)
    framed = pixels.copy()
    framed[:16], framed[-16:], framed[:, :16] = 60, 60, 60
    trail = pixels.copy()
    cv2.line(trail, (0, 100), (255, 130), (200, 200, 200), 3)
    half = pixels.copy()
    half[:, 128:] = 90
    for picture in (framed, trail, half, pixels[:20], np.zeros((64, 64, 1), np.uint8)):
        assert not is_torn(picture, (16, 16))


@pytest.mark.parametrize(("form", "smallest"), [("JPEG", 10_000), ("PNG", 10_000)])
def test_pixels_that_a_file_cannot_hold(
    form: str, smallest: int, read: Callable[[bytes], tuple[str, ...]]
) -> None:
    data = bytearray(saved(np.zeros((16, 16, 3), np.uint8), form))
    size = (4000).to_bytes(2, "big")
    if form == "JPEG":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = size * 2
    else:
        data[16:24] = (b"\0\0" + size) * 2
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(InputError, match=r"4000 x 4000 pixels, which its .* bytes cannot hold"):
        read(bytes(data))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95, 0.998])
def test_damaged_png(share: float, read: Callable[[bytes], tuple[str, ...]]) -> None:
    data = bytearray(saved(sky(), "PNG"))
    data[int(share * len(data))] ^= 1
    with pytest.raises(InputError, match="damaged"):
        read(bytes(data))
