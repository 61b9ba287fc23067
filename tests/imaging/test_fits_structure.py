"""Headers that lie, checksums that do not match: refused or noted, quickly and in little memory."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from galpipe.errors import InputError
from galpipe.imaging import read_field
from galpipe.imaging.fits_structure import read_structure

FLUX = np.random.default_rng(0).normal(100, 5, (48, 64)).astype(np.float32)


def content(*hdus: fits.ImageHDU | fits.CompImageHDU, checksum: bool = False) -> bytes:
    stream = io.BytesIO()
    first = hdus[0] if isinstance(hdus[0], fits.PrimaryHDU) else fits.PrimaryHDU()
    fits.HDUList([first, *(hdu for hdu in hdus if hdu is not first)]).writeto(
        stream, checksum=checksum
    )
    return stream.getvalue()


def with_card(data: bytes, keyword: str, value: object) -> bytes:
    """Return a file with another value of the last card of a keyword."""
    place = data.rindex(f"{keyword:8}=".encode())
    return data[: place + 10] + f"{value!s:>20}".encode() + data[place + 30 :]


def read(tmp_path: Path, data: bytes) -> tuple[str, ...]:
    (tmp_path / "a.fits").write_bytes(data)
    return read_field(tmp_path / "a.fits").notes


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *(("NAXIS", value) for value in (2**31 - 1, -1, "T", "'2'")),
        *(("NAXIS2", value) for value in (2**31 - 1, 2**63, -5, "", "1E3")),
        *(("BITPIX", value) for value in (0, 7, 2**31 - 1, -16)),
        *(("PCOUNT", value) for value in (2**31 - 1, -1)),
        *(("GCOUNT", value) for value in (2**31 - 1, -1)),
    ],
)
def test_sizes_that_no_file_has(tmp_path: Path, keyword: str, value: object) -> None:
    data = content(fits.ImageHDU(FLUX))
    with pytest.raises(InputError, match=r"a\.fits.* again"):
        read(tmp_path, with_card(data, keyword, value))


def test_a_table_of_too_many_columns(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    data = content(fits.ImageHDU(FLUX), table)
    with pytest.raises(InputError, match=r"a\.fits: HDU 2 is damaged: TFIELDS is 2147483647"):
        read(tmp_path, with_card(data, "TFIELDS", 2**31 - 1))


def test_a_header_without_end(tmp_path: Path) -> None:
    data = b"SIMPLE  =                    T".ljust(80) + b" " * 2880 * 5000
    with pytest.raises(InputError, match="its header has no end"):
        read(tmp_path, data)


@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_2", "HCOMPRESS_1"])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *(("ZTILE1", value) for value in (0, -1, 7, 2**31 - 1)),
        *(("ZNAXIS1", value) for value in (0, 2**31 - 1, 63000)),
        *(("ZNAXIS", value) for value in (0, 2**31 - 1)),
        *(("ZBITPIX", value) for value in (0, 12)),
        ("ZCMPTYPE", "'LZMA'"),
    ],
)
def test_tiles_that_contradict_their_image(
    tmp_path: Path, algorithm: str, keyword: str, value: object
) -> None:
    image = fits.CompImageHDU(FLUX, compression_type=algorithm, tile_shape=(16, 16))
    with pytest.raises(InputError, match=r"a\.fits"):
        read(tmp_path, with_card(content(image), keyword, value))


@pytest.mark.parametrize("value", [-64, 2, 3, 2**31 - 1])
def test_widths_that_rice_does_not_have(tmp_path: Path, value: int) -> None:
    data = content(fits.CompImageHDU(FLUX, compression_type="RICE_1"))
    with pytest.raises(InputError, match=rf"HDU 1 is damaged: BYTEPIX is {value}"):
        read(tmp_path, with_card(data, "ZVAL2", value))


@pytest.mark.parametrize("kind", ["i2", "i4", "f4"])
@pytest.mark.parametrize("tile", [None, (16, 16), (200, 200)])
@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_tiles_of_every_kind_are_read(
    tmp_path: Path, algorithm: str, tile: tuple[int, int] | None, kind: str
) -> None:
    image = fits.CompImageHDU(FLUX.astype(kind), compression_type=algorithm, tile_shape=tile)
    assert read(tmp_path, content(image, checksum=True)) == ()


@pytest.mark.parametrize("compressed", [False, True])
def test_checksums_are_verified(tmp_path: Path, compressed: bool) -> None:
    image = fits.CompImageHDU(FLUX) if compressed else fits.ImageHDU(FLUX)
    image.header["OBSERVER"] = "Herschel"
    data = content(image, checksum=True)
    assert read(tmp_path, data) == ()
    place = len(data) - 3000 if compressed else len(data) - 4000
    altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    if compressed:
        with pytest.raises(InputError, match=r"COMPRESSED_IMAGE.* do not match .*\(DATASUM\)"):
            read(tmp_path, altered)
    else:
        (note,) = read(tmp_path, altered)
        assert "data of HDU 1 do not match" in note
    (note,) = read(tmp_path, data.replace(b"Herschel", b"Hubble  "))
    assert "does not match its checksum (CHECKSUM): its header" in note


def test_what_follows_the_last_hdu_is_said(tmp_path: Path) -> None:
    data = content(fits.ImageHDU(FLUX), fits.ImageHDU(FLUX))
    place = data.rindex(b"XTENSION")
    notes = read(tmp_path, data[:place] + b"XTEMSION" + data[place + 8 :])
    assert any("are no HDU, and were not read" in note for note in notes)


def test_the_size_is_that_of_the_standard() -> None:
    data = content(fits.PrimaryHDU(FLUX), fits.ImageHDU(FLUX[:3]), fits.CompImageHDU(FLUX))
    extents = read_structure(io.BytesIO(data), len(data), "a.fits")
    assert [extent.size for extent in extents[:2]] == [48 * 64 * 4, 3 * 64 * 4]
    assert extents[-1].end == len(data)
