"""A reader of fields returns a field or raises InputError for any bytes of a file.

In the test suite 200 inputs a reader; a longer run is

    python tests/imaging/test_fuzz.py --count 5000 [--reader jpeg] [--seed 1]

A small file is damaged at random, but in the same way for the same seed, and read. Whatever comes
out besides an InputError is printed with the seed of the input. The last line of each reader counts
the damaged files that were refused, that were read with a note, that were read as they were before,
and that were taken as good although they differ. The longer run reads in processes of their own,
which may crash, and may take 10 seconds of processor time for one input.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import random
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.imaging import Field, FieldSource, read_field, split_source

COUNT = 200
PATIENCE = 10  # seconds of processor time
NUMBERS = (
    *("0", "-1", "1", "3", "7", "999", "1000", "65536", "1E30", "-1E30", "NaN", "INF", "T", "F"),
    *(str(2**power + shift) for power in (15, 31, 32, 63) for shift in (-1, 0)),
    *("'RICE_1  '", "'GZIP_2  '", "'PLIO_1  '", "'HCOMPRESS_1'", "'RA---TAN'", "'DEC--SIP'", "''"),
)
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x01")


@cache
def sky() -> NDArray[np.uint8]:
    """Return a colour picture of a galaxy on a noisy sky."""
    y, x = np.mgrid[:96, :128] - np.array([48, 64])[:, None, None]
    noise = 4 * np.random.default_rng(1).standard_normal((96, 128))
    grey = 12 + noise + 170 * np.exp(-np.hypot(x, 1.6 * y) / 9)
    return np.clip(np.stack([grey * 1.1, grey, grey * 0.8], axis=-1), 0, 255).astype(np.uint8)


def fits_file(*, algorithm: str = "", checksum: bool = False) -> bytes:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150, 2], [64, 48]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    header = wcs.to_header()
    header["FILTER"], header["GAIN"], header["MAGZERO"] = "r", 2.5, 22.5
    flux = sky()[..., 1].astype(np.float32)
    image = (
        fits.CompImageHDU(flux, header, compression_type=algorithm, tile_shape=(16, 32))
        if algorithm
        else fits.ImageHDU(flux, header)
    )
    mask = fits.ImageHDU((flux > 150).astype(np.uint8), name="MASK")
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image, mask]).writeto(stream, checksum=checksum)
    return stream.getvalue()


def picture(suffix: str, *options: int, deep: bool = False) -> bytes:
    pixels = sky().astype(np.uint16) * 200 if deep else sky()
    done, data = cv2.imencode(suffix, pixels, options)
    assert done
    return data.tobytes()


@cache
def seeds(reader: str) -> tuple[bytes, ...]:
    compression = cv2.IMWRITE_TIFF_COMPRESSION
    if reader == "fits":
        return fits_file(), fits_file(checksum=True)
    if reader == "fz":
        algorithms = "RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"
        return tuple(fits_file(algorithm=name, checksum=True) for name in algorithms)
    if reader == "png":
        return picture(".png"), picture(".png", deep=True)
    if reader == "jpeg":
        progressive = cv2.IMWRITE_JPEG_PROGRESSIVE, 1
        return picture(".jpg", cv2.IMWRITE_JPEG_QUALITY, 85), picture(".jpg", *progressive)
    if reader == "tiff":
        return tuple(
            picture(".tif", compression, number, deep=deep)
            for number in (5, 8)
            for deep in (False, True)
        )
    return picture(".webp", cv2.IMWRITE_WEBP_QUALITY, 80), picture(".webp")


READERS = ("fits", "fz", "png", "jpeg", "tiff", "webp")
# Largest share of damaged files that are taken as good: those with checksums or a tight code.
TAKEN_AS_GOOD = {"fz": 0.05, "tiff": 0.05, "png": 0.05}


def damaged(data: bytes, chance: random.Random, header: bool) -> bytes:
    """Return a file with 16 bytes overwritten or, half of the time, changed in other ways."""
    if chance.random() < 0.5:
        place = chance.randrange(4, len(data) - 16)
        return data[:place] + chance.randbytes(16) + data[place + 16 :]
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(4, len(data))
        match chance.randrange(6 if header else 4):
            case 0:
                data = (
                    data[:start]
                    + bytes([data[start] ^ 1 << chance.randrange(8)])
                    + data[start + 1 :]
                )
            case 1:
                end = start + chance.randint(1, 64)
                data = (
                    data[:start] + data[end:]
                    if chance.random() < 0.5
                    else data[:end] + data[start:]
                )
            case 2 if chance.random() < 0.3:
                data = data[: max(start, 16)]
            case 4 | 5:
                data = with_other_card(data, chance)
            case _:
                data = data[:start] + chance.choice(WORDS) + data[start + 4 :]
        if len(data) < 32:
            break
    return data


def with_other_card(data: bytes, chance: random.Random) -> bytes:
    """Return a FITS file with another value of one card."""
    cards = [
        place
        for place in range(0, min(len(data), 5 * 2880), 80)
        if data[place + 8 : place + 10] == b"= "
    ]
    if not cards:
        return data
    place = chance.choice(cards) + 10
    return data[:place] + chance.choice(NUMBERS).rjust(20).encode() + data[place + 20 :]


def read(path: Path) -> Field:
    for source in split_source(FieldSource("a", (path,))):
        field = read_field(source)
        field.sky([0, 5], [0, 5])
    return field


def is_same(field: Field, whole: Field) -> bool:
    return np.array_equal(field.pixels, whole.pixels) and np.array_equal(field.bad, whole.bad)


def fuzz(reader: str, folder: Path, numbers: range) -> Counter[str]:
    """Read damaged files; print what went wrong, and count what came of them."""
    path = folder / "a.img"
    found: Counter[str] = Counter()
    whole = []
    for data in seeds(reader):
        path.write_bytes(data)
        whole.append(read(path))
        assert whole[-1].notes == ()
    for number in numbers:
        chance = random.Random(number)
        which = chance.randrange(len(whole))
        path.write_bytes(damaged(seeds(reader)[which], chance, reader in ("fits", "fz")))
        try:
            field = read(path)
        except InputError as error:
            found["refused" if "a.img" in str(error) else "wrong"] += 1
        except Exception as error:
            print(f"{reader}, seed {number}: {type(error).__name__}: {str(error)[:200]}")
            traceback.print_exc()
            found["wrong"] += 1
        else:
            kind = "same" if is_same(field, whole[which]) else "taken as good"
            found["noted" if field.notes else kind] += 1
    return found


@pytest.mark.parametrize("reader", READERS)
def test_damage_is_an_input_error_or_a_note(reader: str, tmp_path: Path) -> None:
    found = fuzz(reader, tmp_path, range(COUNT))
    assert not found["wrong"]
    assert found["taken as good"] <= TAKEN_AS_GOOD.get(reader, 1) * COUNT


def _apart(reader: str, folder: Path, numbers: range, results: multiprocessing.Queue) -> None:
    """Fuzz in a process of its own, which ends by a signal if it takes too long."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE * max(1, len(numbers) // 20))
    warnings.simplefilter("error")
    results.put(fuzz(reader, folder, numbers))


def _run_apart(reader: str, folder: Path, numbers: range) -> Counter[str]:
    """Fuzz in a process; if it crashes or does not end, find the inputs that cause it."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    worker = context.Process(target=_apart, args=(reader, folder, numbers, results))
    worker.start()
    while worker.is_alive() and results.empty():
        worker.join(0.05)
    if worker.exitcode in (0, None):
        found: Counter[str] = results.get()
        worker.join()
        return found
    if len(numbers) == 1:
        print(f"{reader}, seed {numbers[0]}: ended by signal {-worker.exitcode}", flush=True)
        return Counter(crashed=1)
    half = len(numbers) // 2
    return _run_apart(reader, folder, numbers[:half]) + _run_apart(reader, folder, numbers[half:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--seed", type=int, default=1_000_000)
    options = parser.parse_args()
    faults = 0
    for reader in options.reader or READERS:
        total: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            for first in range(options.seed, options.seed + options.count, 100):
                last = min(first + 100, options.seed + options.count)
                total += _run_apart(reader, Path(folder), range(first, last))
        counts = ", ".join(f"{number} {name}" for name, number in sorted(total.items()))
        print(f"{reader}: {options.count} inputs: {counts}", flush=True)
        faults += total["wrong"] + total["crashed"]
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
