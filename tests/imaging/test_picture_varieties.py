"""Varieties of TIFF, WebP, PNG and JPEG; orientation; further pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from galpipe.errors import InputError
from galpipe.imaging import Field, read_field, read_picture_size

from .tiff import tags_of, tiff

HEIGHT, WIDTH = 40, 56
RGB = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = np.ascontiguousarray(RGB[..., 0])
DEEP = RGB.astype(np.uint16) * 251
GREY_DEEP = np.ascontiguousarray(DEEP[..., 0])
SHARES = (DEEP / np.float32(65535)).astype(np.float32)
FLUXES = np.random.default_rng(2).normal(0, 500, (HEIGHT, WIDTH)).astype(np.float32)

Read = Callable[[bytes], Field]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(data: bytes) -> Field:
        (tmp_path / "a.tif").write_bytes(data)
        field = read_field(tmp_path / "a.tif")
        assert read_picture_size(tmp_path / "a.tif") == (field.width, field.height)
        return field

    return write_and_read


def pillow(picture: Image.Image, form: str, **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


def packed(values: NDArray[np.generic], bits: int) -> bytes:
    places = np.arange(bits - 1, -1, -1)
    each = (values[..., np.newaxis].astype(np.int64) >> places) & 1
    return np.packbits(each.reshape(len(values), -1).astype(bool), axis=1).tobytes()


def plain(pixels: NDArray[np.generic], photometric: int = 1, **options: Any) -> bytes:
    tags = tags_of(pixels, photometric, options.pop("tags", None))
    order = options.get("order", "<")
    return tiff([pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()], tags, **options)


def planes(pixels: NDArray[np.generic]) -> bytes:
    return tiff(
        [band.tobytes() for band in np.moveaxis(pixels, 2, 0)], tags_of(pixels, 2, SEPARATE)
    )


def tiles(pixels: NDArray[np.generic]) -> bytes:
    whole = np.zeros((48, 64), pixels.dtype)
    whole[:HEIGHT, :WIDTH] = pixels
    blocks = [
        whole[y : y + 16, x : x + 16].tobytes() for y in range(0, 48, 16) for x in range(0, 64, 16)
    ]
    return tiff(blocks, tags_of(pixels, 1, {322: (4, [16]), 323: (4, [16])}))


def strips(pixels: NDArray[np.generic]) -> bytes:
    blocks = [pixels[y : y + 7].tobytes() for y in range(0, HEIGHT, 7)]
    return tiff(blocks, tags_of(pixels, 1, {278: (4, [7])}))


SEPARATE = {284: (3, [2])}
PALETTE = np.random.default_rng(3).integers(0, 65536, (3, 256))
COLOURS = np.moveaxis(PALETTE[:, GREY] >> 8, 0, 2).astype(np.uint8)
WHITE = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
LZW: dict[str, Any] = {"compression": "tiff_lzw"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (plain(GREY), GREY),
        (plain(GREY, 0), 255 - GREY),
        (plain(GREY_DEEP, 0), 65535 - GREY_DEEP),
        (plain(DEEP, 2), DEEP),
        (plain(DEEP, 2, order=">"), DEEP),
        (plain(DEEP, 2, big=True), DEEP),
        (plain(GREY_DEEP, big=True, order=">"), GREY_DEEP),
        (planes(RGB), RGB),
        (planes(DEEP), DEEP),
        (planes(SHARES), DEEP),
        (strips(GREY_DEEP), GREY_DEEP),
        (tiles(GREY_DEEP), GREY_DEEP),
        (tiles(SHARES[..., 0]), GREY_DEEP),
        (plain(SHARES, 2), DEEP),
        (plain(SHARES.astype(np.float64), 2), DEEP),
        (plain(FLUXES), FLUXES),
        (plain(FLUXES.astype(np.float64)), FLUXES),
        (plain(FLUXES.astype(np.int16)), FLUXES.astype(np.int16)),
        (plain(FLUXES.astype(np.int32)), FLUXES.astype(np.int32)),
        (plain(np.concatenate([RGB, WHITE], axis=2), 2, tags={338: (3, [2])}), RGB),
        (plain(np.concatenate([GREY[..., np.newaxis], WHITE], axis=2), tags={338: (3, [2])}), GREY),
        (plain(GREY, 3, tags={320: (3, PALETTE.ravel().tolist())}), COLOURS),
        (tiff([packed(GREY > 160, 1)], tags_of(GREY, 1, {258: (3, [1])})), (GREY > 160) * 255),
        (tiff([packed(GREY > 99, 1)], tags_of(GREY, 0, {258: (3, [1])})), (GREY <= 99) * 255),
        (tiff([packed(GREY >> 4, 4)], tags_of(GREY, 1, {258: (3, [4])})), (GREY >> 4) * 17),
        (pillow(Image.fromarray(RGB), "TIFF", **LZW), RGB),
        (pillow(Image.fromarray(GREY_DEEP), "TIFF", **LZW, tiffinfo={317: 2}), GREY_DEEP),
        (pillow(Image.fromarray(FLUXES), "TIFF", **LZW, tiffinfo={317: 3}), FLUXES),
        (pillow(Image.fromarray(RGB), "TIFF", compression="tiff_adobe_deflate"), RGB),
        (pillow(Image.fromarray(RGB).convert("CMYK"), "TIFF"), RGB),
        (pillow(Image.fromarray(RGB), "WEBP", lossless=True), RGB),
        (pillow(Image.fromarray(COLOURS).quantize(16), "PNG"), None),
        (pillow(Image.fromarray(GREY > 160), "PNG"), (GREY > 160) * 255),
    ],
)  # fmt: skip
def test_values(read: Read, data: bytes, expected: NDArray[np.generic] | None) -> None:
    pixels = read(data).pixels
    if expected is None:
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert_array_equal(pixels, expected.reshape(*expected.shape[:2], -1))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(read: Read, mode: str, progressive: bool) -> None:
    smooth = Image.fromarray(RGB[:4, :4]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    data = pillow(smooth.convert(mode), "JPEG", quality=95, progressive=progressive)
    pixels = read(data).pixels
    expected = np.asarray(smooth.convert("L" if mode == "L" else "RGB"), dtype=int)
    assert np.abs(pixels.astype(int) - expected.reshape(pixels.shape)).mean() < 6


@pytest.mark.parametrize(
    "data",
    [
        plain(FLUXES.astype(np.float16)),
        plain(np.concatenate([DEEP[..., :1], DEEP[..., :1]], axis=2), tags={338: (3, [2])}),
        plain(RGB.repeat(2, axis=2), 2),
    ],
)
def test_what_no_decoder_reads_rightly_is_refused(read: Read, data: bytes) -> None:
    with pytest.raises(InputError, match="Save it"):
        read(data)


# How a picture is displayed for each orientation, by EXIF 2.32.
DISPLAYED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", DISPLAYED)
def test_exif_orientation_is_obeyed(read: Read, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    stored = read(pillow(Image.fromarray(RGB), form, **options)).pixels
    field = read(pillow(Image.fromarray(RGB), form, exif=exif, **options))
    assert (field.origin, field.notes) == ("upper", ())
    assert_array_equal(field.pixels, DISPLAYED[orientation](stored))
    assert field.pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("pixels", [RGB, DEEP, GREY, SHARES])
def test_a_tiff_keeps_its_array(read: Read, orientation: int, pixels: NDArray[Any]) -> None:
    tags = {274: (3, [orientation])}
    for options in ({}, {"order": ">", "big": True}):
        field = read(plain(pixels, 1 if pixels.ndim == 2 else 2, tags=tags, **options))
        expected = DEEP if pixels is SHARES else pixels
        assert_array_equal(field.pixels, expected.reshape(HEIGHT, WIDTH, -1))
        assert field.origin == ("lower" if orientation == 4 else "upper")
        assert len(field.notes) == (orientation not in (1, 4))
        assert all("orientation" in note for note in field.notes)


def test_further_pages_and_frames_are_said(read: Read) -> None:
    field = read(plain(GREY, pages=3))
    assert_array_equal(field.pixels[..., 0], GREY)
    assert field.notes == ("only the first of its 3 pages is used",)
    pictures = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        data = pillow(pictures[0], form, save_all=True, append_images=pictures[1:], **options)
        field = read(data)
        assert field.notes == ("only the first of its 2 frames is used",)
        assert_array_equal(field.pixels, RGB)


def test_reduced_copies_and_masks_are_no_pages(read: Read) -> None:
    assert read(plain(GREY, pages=2, tags={254: (4, [1])})).notes == ()


def test_a_preview_is_not_taken_for_the_picture(read: Read) -> None:
    data = plain(GREY, tags={254: (4, [1]), 330: (4, [8])})
    with pytest.raises(InputError, match="begins with a preview, as raw files"):
        read(data)


def test_webp_of_each_kind_has_its_size(read: Read) -> None:
    smooth = Image.fromarray(RGB[:4, :4]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    for options in ({"quality": 90}, {"lossless": True}, {"exif": b"Exif\0\0"}):
        data = pillow(smooth, "WEBP", **options)
        field = read(data)
        assert (field.width, field.height) == (WIDTH, HEIGHT)
        with pytest.raises(InputError, match="truncated"):
            read(data[:-9])
